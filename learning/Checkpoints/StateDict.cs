namespace DistTrain.Learning;

/// <summary>
/// Weights as one safetensors file with PyTorch's names and layouts, both ways: parameters as they are ([out, in], [out, in, height, width]); the running statistics of
/// a batch normalization become running_mean, running_var and num_batches_tracked.
/// </summary>
public static class StateDict
{
    /// <param name="weights">The flat vector.</param>
    public static void Write(Stream stream, ParameterLayout layout, ReadOnlySpan<float> weights, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var tensors = new List<(string, SafetensorsType, IReadOnlyList<long>)>();
        foreach (var slice in layout.Slices)
        {
            if (slice.Kind == SliceKind.Parameter) tensors.Add((slice.Name, SafetensorsType.F32, Axes(slice.Shape)));
            else if (slice.Kind == SliceKind.Moments)
                tensors.AddRange([(Running(slice, "mean"), SafetensorsType.F32, [slice.Shape[0]]), (Running(slice, "var"), SafetensorsType.F32, [slice.Shape[0]]), (Tracked(slice), SafetensorsType.I64, [])]);
        }
        var writer = new SafetensorsWriter(stream, SafetensorsHeader.For(tensors, metadata));
        foreach (var slice in layout.Slices)
        {
            var values = weights.Slice(slice.Offset, slice.Length);
            if (slice.Kind == SliceKind.Parameter) writer.Write(values);
            if (slice.Kind != SliceKind.Moments) continue;
            var channels = slice.Shape[0];
            var part = new float[channels];
            for (var of = 1; of <= 2; of++)
            {
                for (var c = 0; c < channels; c++) part[c] = values[3 * c + of];
                writer.Write<float>(part);
            }
            writer.Write([(long)(channels > 0 ? values[0] : 0f)]);
        }
        writer.Complete();
    }

    /// <summary>Reads what the file has for this layout into the flat vector; the rest stays.</summary>
    /// <returns>Names of the tensors that stay as they are: the file lacks them, or has them in another shape.</returns>
    /// <exception cref="SafetensorsException">Unreadable, or of no floating-point type, or nothing fits.</exception>
    public static IReadOnlyList<string> Read(string path, ParameterLayout layout, Span<float> weights)
    {
        using var file = SafetensorsFile.Open(path);
        var (missing, found) = (new List<string>(), 0);
        foreach (var slice in layout.Slices)
        {
            var values = weights.Slice(slice.Offset, slice.Length);
            if (slice.Kind == SliceKind.Parameter)
            {
                if (file.Header.Find(slice.Name) is { } entry && entry.Shape.SequenceEqual(Axes(slice.Shape)))
                {
                    file.ReadFloats(entry, values);
                    found++;
                }
                else missing.Add(slice.Name);
            }
            else if (slice.Kind == SliceKind.Moments)
            {
                if (file.Header.Find(Running(slice, "mean")) is not { } mean || file.Header.Find(Running(slice, "var")) is not { } variance || mean.Elements != slice.Shape[0] || variance.Elements != slice.Shape[0])
                {
                    missing.Add(slice.Name);
                    continue;
                }
                ReadMoments(file, mean, variance, file.Header.Find(Tracked(slice)), values);
                found++;
            }
        }
        if (found == 0) throw new SafetensorsException(path, $"has no tensor of this model. The model has {string.Join(", ", layout.Slices.Take(8).Select(s => $"{s.Name} {s.Shape}"))}; the file has {string.Join(", ", file.Header.Entries.Take(8).Select(e => $"{e.Name} [{string.Join(", ", e.Shape)}]"))}.");
        return missing;
    }

    /// <summary>What a slice is called in PyTorch: one name, or running mean, running variance and the count of updates; none for what is no part of a model.</summary>
    public static IEnumerable<string> Names(Slice slice) => slice.Kind switch
    {
        SliceKind.Parameter => [slice.Name],
        SliceKind.Moments => [Running(slice, "mean"), Running(slice, "var"), Tracked(slice)],
        _ => [],
    };

    /// <summary>Running statistics as triples (updates, mean, variance).</summary>
    internal static void ReadMoments(SafetensorsFile file, SafetensorsEntry mean, SafetensorsEntry variance, SafetensorsEntry? count, Span<float> values)
    {
        var (means, variances, tracked) = (new float[values.Length / 3], new float[values.Length / 3], new long[1]);
        file.ReadFloats(mean, means);
        file.ReadFloats(variance, variances);
        if (count is { Type: SafetensorsType.I64, Elements: 1 }) file.Read<long>(count, tracked);
        for (var c = 0; c < means.Length; c++) (values[3 * c], values[3 * c + 1], values[3 * c + 2]) = (tracked[0], means[c], variances[c]);
    }

    private static long[] Axes(Shape shape) => [.. shape.Axes.ToArray().Select(a => (long)a)];

    // "0.running" -> "0.running_mean", "0.num_batches_tracked".
    private static string Running(Slice slice, string part) => $"{slice.Name}_{part}";

    private static string Tracked(Slice slice) => $"{slice.Name[..^"running".Length]}num_batches_tracked";
}
