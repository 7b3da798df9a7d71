using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace DistTrain.Learning;

/// <summary>
/// Labelled images kept as the bytes they were stored as, [N, C, H, W]; converted when read:
/// x / 255, or byte * scale[C] + shift[C] with one rounding where the set is standardized (scale = 1 / (255 deviation), shift = -mean / deviation).
/// </summary>
public sealed class ByteImages : Dataset
{
    private readonly byte[] _pixels;
    private readonly int[] _labels;
    private readonly float[]? _scale;
    private readonly float[]? _shift;

    /// <param name="imageShape">[C, H, W].</param>
    /// <param name="pixels">N * C * H * W bytes; kept, not copied.</param>
    /// <param name="labels">N labels, each in [0, <paramref name="classes"/>); kept, not copied.</param>
    /// <param name="classes">Classes.</param>
    /// <param name="identity">What the images are made of.</param>
    public ByteImages(Shape imageShape, byte[] pixels, int[] labels, int classes, DatasetIdentity identity)
        : this(imageShape, pixels, labels, classes, identity, null, null)
    {
        if (imageShape.Rank != 3) throw new ArgumentException($"the image shape is {imageShape}; it must be [channels, height, width].", nameof(imageShape));
        if ((long)labels.Length * imageShape.Length != pixels.Length)
            throw new ArgumentException($"{labels.Length} images of {imageShape} are {(long)labels.Length * imageShape.Length} bytes; {pixels.Length} are given.", nameof(pixels));
        for (var i = 0; i < labels.Length; i++)
            if ((uint)labels[i] >= (uint)classes)
                throw new ArgumentOutOfRangeException(nameof(labels), $"label {i} is {labels[i]}; it must be in [0, {classes}).");
    }

    private ByteImages(Shape imageShape, byte[] pixels, int[] labels, int classes, DatasetIdentity identity, float[]? scale, float[]? shift)
    {
        (InputShape, _pixels, _labels, Classes, Identity, _scale, _shift) = (imageShape, pixels, labels, classes, identity, scale, shift);
    }

    public override int Count => _labels.Length;

    public override Shape InputShape { get; }

    public override Shape TargetShape { get; } = new();

    public override TargetKind TargetKind => TargetKind.Labels;

    public override int Classes { get; }

    /// <summary>What the classes are called in the source; empty for numbered ones.</summary>
    public IReadOnlyList<string> ClassNames { get; init; } = [];

    public override DatasetIdentity Identity { get; }

    /// <summary>All images as stored, [N, C, H, W].</summary>
    public ReadOnlySpan<byte> Pixels => _pixels;

    /// <summary>One label an image.</summary>
    public ReadOnlySpan<int> Labels => _labels;

    /// <summary>The same images, read as (x / 255 - mean) / deviation.</summary>
    public ByteImages StandardizedBy(ChannelStatistics statistics)
    {
        var channels = InputShape[0];
        if (statistics.Mean.Count != channels)
            throw new ArgumentException($"the statistics are of {statistics.Mean.Count} channels; the images have {channels}.", nameof(statistics));
        var (scale, shift) = (new float[channels], new float[channels]);
        for (var c = 0; c < channels; c++)
        {
            scale[c] = (float)(1.0 / (255.0 * statistics.Deviation[c]));
            shift[c] = (float)(-statistics.Mean[c] / statistics.Deviation[c]);
        }
        return new(InputShape, _pixels, _labels, Classes, Identity, scale, shift) { ClassNames = ClassNames };
    }

    public override void Read(int index, Span<float> input, Span<int> target)
    {
        var elements = InputShape.Length;
        var image = _pixels.AsSpan(checked(index * elements), elements);
        if (input.Length != elements) throw new ArgumentException($"input holds {input.Length} elements; an image of {InputShape} has {elements}.", nameof(input));
        target[0] = _labels[index];
        if (_scale is null || _shift is null)
        {
            Divide(image, input);
            return;
        }
        var plane = elements / InputShape[0];
        for (var c = 0; c < _scale.Length; c++) Standardize(image.Slice(c * plane, plane), input.Slice(c * plane, plane), _scale[c], _shift[c]);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Divide(ReadOnlySpan<byte> bytes, Span<float> output)
    {
        var i = 0;
        if (Avx2.IsSupported)
        {
            var whole = Vector256.Create(255f);
            for (; i + 8 <= bytes.Length; i += 8) (EightFloats(bytes, i) / whole).StoreUnsafe(ref MemoryMarshal.GetReference(output), (nuint)i);
        }
        for (; i < bytes.Length; i++) output[i] = bytes[i] / 255f;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Standardize(ReadOnlySpan<byte> bytes, Span<float> output, float scale, float shift)
    {
        var i = 0;
        if (Avx2.IsSupported && Fma.IsSupported)
        {
            var (scales, shifts) = (Vector256.Create(scale), Vector256.Create(shift));
            for (; i + 8 <= bytes.Length; i += 8)
                Fma.MultiplyAdd(EightFloats(bytes, i), scales, shifts).StoreUnsafe(ref MemoryMarshal.GetReference(output), (nuint)i);
        }
        for (; i < bytes.Length; i++) output[i] = MathF.FusedMultiplyAdd(bytes[i], scale, shift);
    }

    // A byte is an exact float32, so eight at once are the same numbers as one by one.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> EightFloats(ReadOnlySpan<byte> bytes, int at)
    {
        var eight = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref MemoryMarshal.GetReference(bytes), at));
        return Vector256.ConvertToSingle(Avx2.ConvertToVector256Int32(Vector128.CreateScalar(eight).AsByte()));
    }
}
