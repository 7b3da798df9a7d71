using DistTrain.Contracts;
using DistTrain.Learning;

namespace DistTrain.Training;

/// <summary>From sums of squares by block to figures by layer, in the network's order: what every shard reports for the commit anyway, read once more.</summary>
internal sealed class LayerFigures
{
    private readonly List<(string Layer, int[] Blocks)> _layers;
    private readonly int _every;
    private long _next;

    private LayerFigures(ParameterLayout layout, int every)
    {
        _every = every;
        _layers = [.. Enumerable.Range(0, layout.Blocks.Count).Where(b => layout.Slices[layout.Blocks[b].Slice].Kind == SliceKind.Parameter)
            .GroupBy(b => LayerOf(layout.Slices[layout.Blocks[b].Slice].Name)).Select(g => (g.Key, g.ToArray()))];
    }

    /// <summary>null where nothing is to be measured.</summary>
    public static LayerFigures? Of(ResolvedJob job) => job.Diagnosis.Layers > 0 ? new LayerFigures(job.Layout, job.Diagnosis.Layers) : null;

    /// <summary>The place of a parameter's layer: <c>features.0</c> of <c>features.0.weight</c>; a parameter of the network itself is a layer of its own.</summary>
    public static string LayerOf(string parameter) => parameter.LastIndexOf('.') is >= 0 and var cut ? parameter[..cut] : parameter;

    /// <summary>The figures of a step that is being committed; null where they are not due.</summary>
    /// <param name="squares">Of the gradient; updates and weights are empty where they were not measured.</param>
    /// <param name="norm">The step's global norm, which tells what the squares are still to be multiplied by.</param>
    public IReadOnlyDictionary<string, double>? Measure(long step, ReadOnlySpan<double> squares, ReadOnlySpan<double> updates, ReadOnlySpan<double> weights, double norm)
    {
        if (updates.IsEmpty && step < _next) return null;
        _next = step + _every;
        double all = 0;
        foreach (var square in squares) all += square;
        var factor = all > 0 && double.IsFinite(norm) ? norm / Math.Sqrt(all) : 1;
        var values = new Dictionary<string, double>(2 * _layers.Count, StringComparer.Ordinal);
        foreach (var (layer, blocks) in _layers)
        {
            double gradient = 0, update = 0, weight = 0;
            foreach (var b in blocks)
            {
                gradient += squares[b];
                if (!updates.IsEmpty) (update, weight) = (update + updates[b], weight + weights[b]);
            }
            values[LayerMetric.Name(layer, LayerMetric.GradNorm)] = Math.Sqrt(gradient) * factor;
            if (!updates.IsEmpty && weight > 0) values[LayerMetric.Name(layer, LayerMetric.UpdateRatio)] = Math.Sqrt(update / weight);
        }
        return values;
    }
}
