using System.Globalization;
using System.Text;
using DistTrain.Learning;
using DistTrain.Training.Specs;

namespace DistTrain.Cli;

/// <param name="Name">As the user named it.</param>
/// <param name="Values">As the network takes them.</param>
/// <param name="Label">Where it is known.</param>
internal sealed record PredictSample(string Name, float[] Values, int? Label);

/// <summary>Samples for a prediction: from the job's data, numbers, or an image. Numbers and images are raw, and made what the network takes as the job's test set is.</summary>
internal static class PredictInput
{
    private const int MostBytes = 64 << 20;

    public static IReadOnlyList<PredictSample> Read(string input, PlannedJob plan)
    {
        if (input.StartsWith("test:", StringComparison.Ordinal)) return [FromData(input, plan.Job.Data.Test)];
        if (input.StartsWith("train:", StringComparison.Ordinal)) return [FromData(input, plan.Job.Data.Train)];
        var bytes = Bytes(input);
        if (PgmImage.Begins(bytes)) return [new PredictSample(input, PredictImage.Values(PgmImage.Read(bytes, input), input, plan), null)];
        if (PngFile.Begins(bytes) || bytes.AsSpan().StartsWith<byte>([0xFF, 0xD8, 0xFF])) return [new PredictSample(input, PredictImage.Values(PngFile.Read(input, bytes), input, plan), null)];
        if (bytes.AsSpan().ContainsAnyInRange((byte)0, (byte)8)) throw new CommandException(ExitCode.Usage, $"{input} is no PNG or PGM image and no text. Give one of those images, or a file with the numbers of one sample a line.");
        var (samples, shape) = (Numbers(Encoding.UTF8.GetString(bytes), input), plan.Raw.InputShape);
        for (var i = 0; i < samples.Count; i++)
            if (samples[i].Length != shape.Length)
                throw new CommandException(ExitCode.Usage, $"{input}, sample {i + 1}, has {samples[i].Length} values. The network takes {shape}: {shape.Length} of them.");
        return [.. samples.Select((values, i) => new PredictSample(samples.Count == 1 ? input : $"{input}:{i + 1}", Read(plan.AsTest(new OneSample(values, shape))), null))];
    }

    /// <summary>The only sample of a set.</summary>
    public static float[] Read(Dataset one)
    {
        var values = new float[one.InputShape.Length];
        one.Read(0, values, new int[one.TargetShape.Length]);
        return values;
    }

    private static PredictSample FromData(string input, Dataset data)
    {
        if (!int.TryParse(input.AsSpan(input.IndexOf(':', StringComparison.Ordinal) + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var index) || index >= data.Count)
            throw new CommandException(ExitCode.Usage, $"input is {input}. After the colon must stand a number from 0 to {data.Count - 1}.");
        var (values, target) = (new float[data.InputShape.Length], new int[data.TargetShape.Length]);
        data.Read(index, values, target);
        return new PredictSample(input, values, data.TargetKind is TargetKind.Labels && target.Length == 1 ? target[0] : null);
    }

    private static byte[] Bytes(string input)
    {
        try
        {
            using var stream = input == "-" ? Console.OpenStandardInput() : File.OpenRead(input);
            using var copy = new MemoryStream();
            var buffer = new byte[1 << 16];
            for (int read; (read = stream.Read(buffer)) > 0;)
            {
                copy.Write(buffer, 0, read);
                if (copy.Length > MostBytes) throw new CommandException(ExitCode.Usage, $"{input} is larger than 64 MiB. Give fewer samples at once.");
            }
            return copy.ToArray();
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new CommandException(ExitCode.NotFound, $"{input} is not there. Name a file, or a sample of the job's data such as test:0.");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCode.Usage, $"{input} cannot be read: {error.Message}");
        }
    }

    private static List<float[]> Numbers(string text, string input)
    {
        var samples = new List<float[]>();
        var line = 0;
        foreach (var row in text.Split('\n'))
        {
            line++;
            var cells = row.Split([' ', ',', ';', '\t', '\r'], StringSplitOptions.RemoveEmptyEntries);
            if (cells.Length == 0) continue;
            var values = new float[cells.Length];
            for (var i = 0; i < cells.Length; i++)
                if (!float.TryParse(cells[i], NumberStyles.Float, CultureInfo.InvariantCulture, out values[i]) || !float.IsFinite(values[i]))
                    throw new CommandException(ExitCode.Usage, $"{input}, line {line}, value {i + 1} is {Shown(cells[i])}. It must be a finite number.");
            samples.Add(values);
        }
        return samples.Count > 0 ? samples : throw new CommandException(ExitCode.Usage, $"{input} is empty. It must hold the numbers of at least one sample.");
    }

    // What steers a terminal stays out of it.
    private static string Shown(string text) => string.Concat((text.Length <= 40 ? text : text[..40] + "...").Select(c => char.IsControl(c) ? '\uFFFD' : c));

    internal sealed class OneSample(float[] values, Shape shape) : Dataset
    {
        public override int Count => 1;

        public override Shape InputShape => shape;

        public override Shape TargetShape => new();

        public override TargetKind TargetKind => TargetKind.Labels;

        public override int Classes => 1;

        public override DatasetIdentity Identity => new("one sample", values.Length * 4, "");

        public override void Read(int index, Span<float> input, Span<int> target)
        {
            values.CopyTo(input);
            target.Clear();
        }
    }
}
