using System.Globalization;
using System.Text;
using DistTrain.Learning;
using DistTrain.Training.Specs;

namespace DistTrain.Cli;

/// <param name="Name">As the user named it.</param>
/// <param name="Values">As the network takes them.</param>
/// <param name="Label">Where it is known.</param>
internal sealed record PredictSample(string Name, float[] Values, int? Label);

/// <summary>Samples for a prediction: from the job's data, numbers, or an image. Raw values are standardized as the job's data is.</summary>
internal static class PredictInput
{
    private const int MostBytes = 64 << 20;

    public static IReadOnlyList<PredictSample> Read(string input, PlannedJob plan)
    {
        if (input.StartsWith("test:", StringComparison.Ordinal)) return [FromData(input, plan.Job.Data.Test)];
        if (input.StartsWith("train:", StringComparison.Ordinal)) return [FromData(input, plan.Job.Data.Train)];
        var bytes = Bytes(input);
        var length = plan.Network.Input.Length;
        var samples = bytes.AsSpan().StartsWith("P5"u8) || bytes.AsSpan().StartsWith("P2"u8) ? [PgmImage.Read(bytes, input)] : Numbers(Encoding.UTF8.GetString(bytes), input);
        for (var i = 0; i < samples.Count; i++)
            if (samples[i].Length != length)
                throw new CommandException(ExitCode.Usage, $"{input}, sample {i + 1}, has {samples[i].Length} values. The network takes {plan.Network.Input}: {length} of them.");
        return [.. samples.Select((values, i) => new PredictSample(samples.Count == 1 ? input : $"{input}:{i + 1}", Standardize(values, plan), null))];
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

    private static float[] Standardize(float[] values, PlannedJob plan)
    {
        if (plan.Statistics is null) return values;
        // The job's own rule, applied to a set of one sample.
        var one = Standardized.By(new OneSample(values, plan.Network.Input), plan.Statistics);
        var standardized = new float[values.Length];
        one.Read(0, standardized, new int[1]);
        return standardized;
    }

    private static string Shown(string text) => text.Length <= 40 ? text : text[..40] + "...";

    private sealed class OneSample(float[] values, Shape shape) : Dataset
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
