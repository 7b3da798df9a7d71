using System.Globalization;
using System.Text.Json.Nodes;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>Golden trainings: a small network on one batch for some steps; losses, gradient norms before clipping and final weights.</summary>
internal static class TrajectoryVectors
{
    public static double Error(VectorCase vector, Device device)
    {
        var (x, target, initial) = (vector.Input("x"), vector.Input("target"), vector.Inputs["initial"] as JsonObject ?? throw new InvalidDataException($"{vector.Name} has no initial weights."));
        var optimizer = OptimizerVectors.Find(vector, (string?)vector.Attrs["optimizer"] ?? "sgd");
        var network = Rebuild(x.Sample, initial);
        var data = new Samples(x, target, network.Output[-1]);
        using var replica = new Replica(network, new CrossEntropy(new()), device, data);
        using var weights = device.Allocate(network.Layout.Length);
        using var gradient = device.Allocate(network.Layout.Length);
        using var state = new OptimizerState(device, optimizer, network.Layout.Length);
        var host = new float[network.Layout.Length];
        foreach (var (name, value) in initial) VectorTensor.Of(value, name).Floats.CopyTo(host.AsSpan(Slice(network, name).Offset));
        weights.Write(0, host);
        var blocks = network.Layout.Blocks.Where(b => network.Layout.Slices[b.Slice].Kind == SliceKind.Parameter).Select(b => (b.Offset, b.Length)).ToArray();
        var steps = (int)vector.Number("steps", vector.Numbers("losses").Length);
        var (losses, norms, indexes) = (new float[steps], new float[steps], Enumerable.Range(0, data.Count).ToArray());
        for (var step = 0; step < steps; step++)
        {
            replica.Gradient(new Pass(0, step, data.Count, Segments.One(data.Count), indexes), weights.View, gradient.View);
            norms[step] = (float)state.Step(step + 1, vector.Number("lr", double.NaN), vector.Number("clip_norm", 0), weights.View, gradient.View, blocks);
            gradient.Read(network.Layout.Metrics.Offset, losses.AsSpan(step, 1));
        }
        weights.Read(0, host);
        var error = VectorTensor.Error(vector.Numbers("losses"), losses, vector.Scale);
        if (vector.Has("grad_norms_before_clip")) error = Math.Max(error, VectorTensor.Error(vector.Numbers("grad_norms_before_clip"), norms, vector.Scale));
        foreach (var (name, value) in vector.Group("final"))
            error = Math.Max(error, vector.Expected(value, name).Error(host.AsSpan(Slice(network, name).Offset, Slice(network, name).Length)));
        return error;
    }

    // The tensors name the layers that have weights; what stands between them is ReLU, then a 2 x 2 maximum and flatten where shapes ask for them.
    private static Network Rebuild(Shape input, JsonObject initial)
    {
        var weights = initial.Where(i => i.Key.EndsWith(".weight", StringComparison.Ordinal))
            .Select(i => (Index: int.Parse(i.Key[..^".weight".Length], CultureInfo.InvariantCulture), Tensor: VectorTensor.Of(i.Value, i.Key).Shape, Bias: initial.ContainsKey(i.Key.Replace(".weight", ".bias", StringComparison.Ordinal))))
            .OrderBy(w => w.Index).ToList();
        foreach (var samePadding in new[] { true, false })
        {
            var layers = new List<Layer>();
            foreach (var (index, shape, bias) in weights)
            {
                var gap = index - layers.Count;
                layers.AddRange((gap, shape.Rank) switch
                {
                    (0, _) => Array.Empty<Layer>(),
                    (1, _) => [layers.Count == 0 ? new Flatten() : new Relu()],
                    (2, 2) => [new Relu(), new Flatten()],
                    (2, 4) => [new Relu(), new MaxPool2d(new(new Pair(2, 2)))],
                    (3, 2) => [new Relu(), new MaxPool2d(new(new Pair(2, 2))), new Flatten()],
                    _ => throw new UnsupportedVectorException($"{gap} layers without weights stand before {index}; which ones cannot be told."),
                });
                layers.Add(shape.Rank switch
                {
                    2 => new Linear(new(shape[0], bias)),
                    4 => new Conv2d(new(shape[0], new Pair(shape[2], shape[3])) { Padding = samePadding ? new Pair(shape[2] / 2, shape[3] / 2) : default, Bias = bias }),
                    _ => throw new UnsupportedVectorException($"{index}.weight is {shape}; which layer that is cannot be told."),
                });
            }
            try
            {
                var network = new Network(new Sequential([.. layers]), input);
                if (weights.TrueForAll(w => Slice(network, $"{w.Index}.weight").Shape == w.Tensor)) return network;
            }
            catch (ShapeException)
            {
                // the other padding may fit
            }
        }
        throw new UnsupportedVectorException("no stack of linear, conv2d, relu and maxPool2d has these weights.");
    }

    private static Slice Slice(Network network, string name) => network.Layout.Slices.FirstOrDefault(s => s.Name == name) ?? throw new InvalidDataException($"the rebuilt network has no {name}.");

    private sealed class Samples(VectorTensor x, VectorTensor target, int classes) : Dataset
    {
        private readonly float[] _x = x.Floats;

        public override int Count => x.Shape[0];

        public override Shape InputShape { get; } = x.Sample;

        public override Shape TargetShape { get; } = target.Sample;

        public override TargetKind TargetKind => TargetKind.Labels;

        public override int Classes => classes;

        public override DatasetIdentity Identity { get; } = new("golden batch", 0, "");

        public override void Read(int index, Span<float> input, Span<int> label)
        {
            _x.AsSpan(index * input.Length, input.Length).CopyTo(input);
            label[0] = (int)target.Values[index];
        }
    }
}
