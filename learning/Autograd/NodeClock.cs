using System.Diagnostics;

namespace DistTrain.Learning;

/// <summary>What one node takes in one direction, and its two floors: arithmetic and memory.</summary>
/// <param name="Name">The layer's path where it has parameters, else the node's kind.</param>
/// <param name="Kind">What computes it: Conv2d, BatchNorm, ...</param>
/// <param name="Output">One sample's output.</param>
/// <param name="Seconds">The shortest of the measured runs.</param>
/// <param name="Flops">2 for each multiply-add of the plain formula that has to be done: an algorithm with fewer (Winograd) may fall below this floor.</param>
/// <param name="Bytes">Each operand and each result once; what stays in a cache costs less.</param>
public sealed record NodeCost(string Name, string Kind, Shape Output, bool Forward, double Seconds, double Flops, double Bytes);

/// <summary>The shortest time of each node of a tape in each direction.</summary>
internal sealed class NodeClock
{
    private readonly Dictionary<(Node, bool), long> _shortest = [];

    public void Add(Node node, bool forward, long ticks) =>
        _shortest[(node, forward)] = Math.Min(ticks, _shortest.GetValueOrDefault((node, forward), long.MaxValue));

    /// <summary>In the order in which the nodes ran first.</summary>
    public IReadOnlyList<NodeCost> Costs(Kernels.Segments segments) => [.. _shortest.Select(run => Cost(run.Key.Item1, run.Key.Item2, run.Value, segments))];

    private static NodeCost Cost(Node node, bool forward, long ticks, Kernels.Segments segments)
    {
        var (type, samples) = (node.GetType(), (double)segments.Samples);
        var kind = (type.DeclaringType ?? type).Name.Split('`')[0];
        var name = node.Parameters.Length > 0 ? node.Parameters[0].Name[..Math.Max(0, node.Parameters[0].Name.LastIndexOf('.'))] : kind;
        double output = node.Output.Shape.Length, inputs = 0, gradients = 0, parameters = 0, saved = 0;
        foreach (var edge in node.Edges)
        {
            inputs += edge.Tensor.Root.Shape.Length;
            if (edge.Tensor.Root.Gradient is not null) gradients += edge.Tensor.Root.Shape.Length;
        }
        foreach (var parameter in node.Parameters) parameters += parameter.Slice.Length;
        foreach (var own in node.OwnMemory) saved += own.Region.Elements * (own.Region.Extent == Extent.Sample ? samples : segments.Count);
        // Backward reads the output's gradient and what its formula reads, writes the inputs' gradients and, beside reading them, the parameters'.
        var floats = forward
            ? samples * (inputs + output) + parameters + saved
            : samples * (output + (node.ReadsInputs ? inputs : 0) + (node.ReadsOutput ? output : 0) + gradients) + 2 * parameters + saved;
        var passes = forward ? 1 : (node.Parameters.Length > 0 ? 1 : 0) + (gradients > 0 ? node.Parameters.Length > 0 ? 1 : 2 : 0);
        return new NodeCost(name, kind, node.Output.Shape, forward, (double)ticks / Stopwatch.Frequency, 2.0 * node.LeastMultiplyAdds * samples * passes, 4 * floats);
    }
}
