using System.ComponentModel.DataAnnotations;
using System.Security.Cryptography;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>
/// Built-in images of handwritten-looking digits, [1, 28, 28], ten classes, classes in equal shares: drawn from stroke skeletons
/// with affine and elastic distortion, varying pen, blur and noise. Sample i of a set is a pure function of (seed, set, i), the same bytes on every machine.
/// Made so that a linear model stays below 95 % while LeNet passes 98 %.
/// </summary>
[Named("digits")]
public sealed class Digits(Digits.Options options) : DatasetFormat
{
    /// <param name="Train">Training samples.</param>
    /// <param name="Test">Test samples.</param>
    /// <param name="Seed">Seed of the drawing; none = the job's seed.</param>
    public sealed record Options(
        [property: Range(1, 1_000_000)] int Train = 16_000,
        [property: Range(1, 1_000_000)] int Test = 2_000,
        [property: Range(0, 9007199254740992.0)] long? Seed = null);

    public const int Classes = 10;

    private const int SamplesPerTake = 64;

    public override DataSplit Open(string path, ulong seed)
    {
        if (path.Length > 0)
            throw new DatasetException($"data.path is \"{path}\". The format \"digits\" is built in and reads no files: leave the path empty, or choose the format of the files (idx, cifar10, csv).");
        var ownSeed = options.Seed is { } own ? (ulong)own : seed;
        return new(Draw("train", options.Train, ownSeed, 0), Draw("test", options.Test, ownSeed, 1));
    }

    /// <summary>Draws one sample into <paramref name="pixels"/> [28, 28] and returns its digit; set 0 = training, 1 = test.</summary>
    public static int DrawSample(ulong seed, int set, int index, Span<byte> pixels) => new Drawer(seed, set).Sample(index, pixels);

    private static ByteImages Draw(string name, int count, ulong seed, int set)
    {
        const int imageBytes = DigitDrawing.Side * DigitDrawing.Side;
        var (pixels, labels) = (new byte[count * imageBytes], new int[count]);
        var taken = 0;
        void Work()
        {
            var drawer = new Drawer(seed, set);
            int first;
            while ((first = Interlocked.Add(ref taken, SamplesPerTake) - SamplesPerTake) < count)
                for (var i = first; i < Math.Min(first + SamplesPerTake, count); i++)
                    labels[i] = drawer.Sample(i, pixels.AsSpan(i * imageBytes, imageBytes));
        }
        var others = new Thread[Math.Clamp(Environment.ProcessorCount - 1, 0, count / SamplesPerTake)];
        for (var i = 0; i < others.Length; i++)
        {
            others[i] = new Thread(Work) { IsBackground = true, Name = "draw digits" };
            others[i].Start();
        }
        Work();
        foreach (var thread in others) thread.Join();
        var identity = new DatasetIdentity($"digits {name}: {count} drawn, generator {DigitDrawing.Version}, seed {seed}", pixels.Length + count, Sha256Of(pixels, labels));
        return new(new(1, DigitDrawing.Side, DigitDrawing.Side), pixels, labels, Classes, identity);
    }

    private static string Sha256Of(byte[] pixels, int[] labels)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(pixels);
        hash.AppendData([.. labels.Select(label => (byte)label)]);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private sealed class Drawer(ulong seed, int set)
    {
        private readonly DigitDrawing _drawing = new();

        // Each run of ten samples holds each digit once, in an order of its own.
        public int Sample(int index, Span<byte> pixels)
        {
            Span<int> order = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
            var shuffle = new RandomStream(seed, Stream(2 + set, index / Classes));
            for (var i = Classes - 1; i > 0; i--)
            {
                var other = shuffle.Next(i + 1);
                (order[i], order[other]) = (order[other], order[i]);
            }
            var digit = order[index % Classes];
            var random = new RandomStream(seed, Stream(set, index));
            _drawing.Draw(digit, ref random, pixels);
            return digit;
        }

        private static ulong Stream(int purpose, int index) => (ulong)purpose << 32 | (uint)index;
    }
}
