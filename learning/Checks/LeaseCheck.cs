using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>What is probed: a layer (null = the input itself) with a loss (null = Σ output·cotangent) on so many samples.</summary>
/// <param name="Name">For reports.</param>
/// <param name="Layer">Makes the layer anew, not built.</param>
/// <param name="Input">One sample's input.</param>
/// <param name="Samples">Samples of the step.</param>
/// <param name="Loss">The loss that ends the tape.</param>
/// <param name="Target">One sample's target, with a loss.</param>
/// <param name="Classes">Classes of labels; 0 = real values.</param>
public sealed record LeaseSubject(string Name, Func<Layer?> Layer, Shape Input, int Samples, Loss? Loss = null, Shape Target = default, int Classes = 0);

/// <summary>
/// The promise that leases, devices of one class, threads and instruction sets never change bits, tried on one step: every aligned node of the
/// micro-batch tree runs as one batch on every device; outputs and input gradients must be those of each micro-batch alone, and the nodes of every
/// aligned split, folded in the tree, must give the gradient of the whole.
/// </summary>
public static class LeaseCheck
{
    /// <param name="devices">The first one, one micro-batch at a time, is the definition that all are compared with.</param>
    /// <returns>What differs, empty when nothing does.</returns>
    public static IReadOnlyList<string> Run(LeaseSubject subject, IReadOnlyList<(string Name, Device Device)> devices, IReadOnlyList<int> microBatches)
    {
        var wrong = new List<string>();
        var probes = devices.Select(d => new LayerProbe(subject.Layer(), subject.Input, d.Device, subject.Loss, subject.Target, subject.Classes > 0 ? TargetKind.Labels : TargetKind.Values)).ToList();
        try
        {
            foreach (var m in microBatches)
            {
                var step = new Step(subject, probes[0].Network, probes[0].Target(subject.Samples, subject.Classes, seed: 2), m);
                var alone = Enumerable.Range(0, m).Select(i => step.Run(probes[0], i, 1)).ToArray();
                var definition = Fold(probes[0].Network.Layout, devices[0].Device, 0, m, (first, count) => count == 1 ? alone[first]?.Gradient : null)!;
                for (var d = 0; d < devices.Count; d++)
                {
                    var (name, device) = devices[d];
                    var nodes = Nodes(0, m).ToDictionary(n => n, n => step.Run(probes[d], n.First, n.Count));
                    foreach (var ((first, count), node) in nodes)
                        if (node is not null) step.Compare($"{subject.Name}, {m} micro-batches, lease [{first}, {first + count}) on {name}", first, node, alone, wrong);
                    foreach (var split in Splits(0, m))
                    {
                        var folded = Fold(probes[d].Network.Layout, device, 0, m, (first, count) => split.Contains((first, count)) ? nodes[(first, count)]?.Gradient : null)!;
                        Difference($"{subject.Name}, {m} micro-batches leased as {string.Join(" ", split.Select(n => $"[{n.First}, {n.First + n.Count})"))} on {name}: gradient", definition, folded, wrong);
                    }
                }
            }
        }
        finally
        {
            probes.ForEach(p => p.Dispose());
        }
        return wrong;
    }

    /// <summary>All nodes of the tree over leaves [first, first + count).</summary>
    public static IEnumerable<(int First, int Count)> Nodes(int first, int count)
    {
        if (count == 1) return [(first, 1)];
        var split = Segments.Split(count);
        return Nodes(first, split).Concat(Nodes(first + split, count - split)).Append((first, count));
    }

    /// <summary>All ways to cover leaves [first, first + count) by nodes of the tree.</summary>
    public static IEnumerable<IReadOnlyList<(int First, int Count)>> Splits(int first, int count)
    {
        yield return [(first, count)];
        if (count == 1) yield break;
        var split = Segments.Split(count);
        foreach (var left in Splits(first, split))
            foreach (var right in Splits(first + split, count - split)) yield return [.. left, .. right];
    }

    // The folded gradient of a node: given for the nodes of a lease, folded from its halves otherwise.
    private static float[]? Fold(ParameterLayout layout, Device device, int first, int count, Func<int, int, float[]?> given)
    {
        if (given(first, count) is { } leased) return leased;
        if (count == 1) return null;
        var split = Segments.Split(count);
        var (left, right) = (Fold(layout, device, first, split, given), Fold(layout, device, first + split, count - split, given));
        if (left is null || right is null) return left ?? right;
        using var memory = device.Allocate(2 * layout.Length);
        memory.Write(0, left);
        memory.Write(layout.Length, right);
        var fold = device.Op<ITreeFold>();
        foreach (var slice in layout.Slices)
        {
            var (into, from) = (memory.View.Part(slice.Offset, slice.Length), memory.View.Part(layout.Length + slice.Offset, slice.Length));
            if (slice.Kind == SliceKind.Moments) fold.Moments(into, from);
            else fold.Sum(into, from);
        }
        var sum = new float[layout.Length];
        memory.Read(0, sum);
        return sum;
    }

    private static void Difference(string what, ReadOnlySpan<float> expected, ReadOnlySpan<float> found, List<string> wrong)
    {
        for (var i = 0; i < expected.Length; i++)
            if (BitConverter.SingleToInt32Bits(expected[i]) != BitConverter.SingleToInt32Bits(found[i]))
            {
                wrong.Add($"{what} [{i}] is {found[i]:R}; alone it is {expected[i]:R}.");
                return;
            }
    }

    private sealed class Step
    {
        private readonly Network _network;
        private readonly int _samples;
        private readonly int _count;
        private readonly float[] _weights;
        private readonly float[] _x;
        private readonly float[] _target;

        public Step(LeaseSubject subject, Network network, float[] target, int microBatches)
        {
            (_network, _samples, _count, _target) = (network, subject.Samples, microBatches, target);
            _weights = network.Initialize(3);
            _x = new float[_samples * network.Input.Length];
            if (network.Vocabulary == 0) RandomFill.Normal(_x, 4, 0f, 1f);
            else LayerProbe.FillTokens(_x, network.Vocabulary, 4);
        }

        // null where all micro-batches of the node are empty.
        public ProbeResult? Run(LayerProbe probe, int first, int count)
        {
            var starts = Enumerable.Range(first, count + 1).Select(i => Start(i) - Start(first)).ToArray();
            if (starts[^1] == 0) return null;
            var (from, samples, input, target) = (Start(first), starts[^1], _x.Length / _samples, _target.Length / _samples);
            return probe.Run(_weights, _x.AsSpan(from * input, samples * input), _target.AsSpan(from * target, samples * target), new Segments(starts), firstSample: from, stepSamples: _samples, seed: 5, step: 6);
        }

        public void Compare(string lease, int first, ProbeResult node, ProbeResult?[] alone, List<string> wrong)
        {
            var (output, input) = (_network.Output.Length, _network.Input.Length);
            for (var i = first; Start(i) < Start(first) + node.Output.Length / output; i++)
            {
                if (alone[i] is not { } single) continue;
                var at = Start(i) - Start(first);
                Difference($"{lease}: output of micro-batch {i}", single.Output, node.Output.AsSpan(at * output, single.Output.Length), wrong);
                Difference($"{lease}: input gradient of micro-batch {i}", single.InputGradient, node.InputGradient.AsSpan(at * input, single.InputGradient.Length), wrong);
            }
        }

        private int Start(int microBatch) => (int)((long)microBatch * _samples / _count);
    }
}
