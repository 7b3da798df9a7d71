using DistTrain.Kernels;
using DistTrain.Learning;

namespace DistTrain.Tests.Learning.Layers;

/// <summary>What is dropped, when, and what evaluation does about it.</summary>
public sealed class DroppingTests
{
    private const int Samples = 40, Inputs = 24;

    [Fact]
    public void Dropout_that_scales_at_test_passes_or_drops_in_training_and_weakens_in_evaluation()
    {
        var x = Values(Samples * Inputs);
        var trained = Train(new Dropout(new(0.3f, ScaleAtTest: true)), x, step: 5);
        var usual = Train(new Dropout(new(0.3f)), x, step: 5);
        for (var i = 0; i < x.Length; i++)
        {
            Assert.True(trained.Output[i] == x[i] || trained.Output[i] == 0);
            Assert.Equal(usual.Output[i] == 0, trained.Output[i] == 0); // the same mask
            Assert.Equal(trained.Output[i] == 0 ? 0f : 1f, trained.InputGradient[i]);
        }
        Assert.InRange(trained.Output.Count(v => v == 0), 0.25 * x.Length, 0.35 * x.Length);
        var evaluated = Evaluate(new Dropout(new(0.3f, ScaleAtTest: true)), x, []);
        for (var i = 0; i < x.Length; i++) Assert.Equal(0.7 * x[i], evaluated[i], 1e-6);
        Assert.Equal(x, Evaluate(new Dropout(new(0.3f)), x, []));
    }

    [Fact]
    public void Dropped_weights_are_the_same_for_all_samples_of_a_step_others_in_the_next_and_none_in_evaluation()
    {
        // Rows of ones show Σ of the weights that are left.
        var ones = Enumerable.Repeat(1f, Samples * Inputs).ToArray();
        var layer = () => new DropConnect(new(8, 0.4f) { Bias = false });
        var (first, again, next) = (Train(layer(), ones, step: 1), Train(layer(), ones, step: 1), Train(layer(), ones, step: 2));
        for (var i = 0; i < first.Output.Length; i++) Assert.Equal(first.Output[i % 8], first.Output[i]);
        Assert.Equal(first.Output, again.Output);
        Assert.NotEqual(first.Output, next.Output);

        // The gradient of a dropped weight is 0, of one that is left Σ dy·x / (1 - p).
        var dropped = first.Gradient.Take(8 * Inputs).Count(g => g == 0);
        Assert.InRange(dropped, 0.25 * 8 * Inputs, 0.55 * 8 * Inputs);
        Assert.All(first.Gradient.Take(8 * Inputs).Where(g => g != 0), g => Assert.Equal(Samples / 0.6, g, 1e-3));
        var x = Values(Samples * Inputs);
        Assert.Equal(Evaluate(new Linear(new(8)), x, [7]), Evaluate(new DropConnect(new(8, 0.4f)), x, [7]));
    }

    [Fact]
    public void An_auxiliary_head_adds_its_share_of_the_gradient_and_nothing_to_the_figures()
    {
        Layer Trunk() => new Linear(new(6));
        var x = Values(Samples * Inputs);
        using var device = new CpuDevice(1);
        using var alone = new LayerProbe(new Sequential(Trunk(), new Linear(new(5))), new Shape(Inputs), device, new CrossEntropy(new()), new Shape(), TargetKind.Labels);
        using var beside = new LayerProbe(new Sequential(Trunk(), new Auxiliary(new() { Head = [new Linear(new(5))], Weight = 0.25f }), new Linear(new(5))), new Shape(Inputs), device, new CrossEntropy(new()), new Shape(), TargetKind.Labels);
        var target = alone.Target(Samples, 5, 3);
        float[] Weights(LayerProbe probe, params (string Name, string From)[] from)
        {
            var weights = probe.Network.Initialize(0);
            foreach (var (name, stream) in from)
            {
                var slice = probe.Network.Layout.Slices.Single(s => s.Name == name);
                RandomFill.Normal(weights.AsSpan(slice.Offset, slice.Length), RandomKey.HashPath(stream), 0f, 0.5f);
            }
            return weights;
        }
        float[] Trunks(LayerProbe probe, ProbeResult found) => found.Gradient[..(6 * Inputs)];
        (string, string)[] trunk = [("0.weight", "w"), ("0.bias", "b")];
        var main = alone.Run(Weights(alone, [.. trunk, ("1.weight", "main"), ("1.bias", "mainBias")]), x, target, Segments.One(Samples));
        var aside = alone.Run(Weights(alone, [.. trunk, ("1.weight", "head"), ("1.bias", "headBias")]), x, target, Segments.One(Samples));
        var both = beside.Run(Weights(beside, [.. trunk, ("1.0.weight", "head"), ("1.0.bias", "headBias"), ("2.weight", "main"), ("2.bias", "mainBias")]), x, target, Segments.One(Samples));
        Assert.Equal(main.Loss, both.Loss);
        Assert.Equal(main.Gradient[alone.Network.Layout.Metrics.Offset + 1], both.Gradient[beside.Network.Layout.Metrics.Offset + 1]);
        var (m, a, sum) = (Trunks(alone, main), Trunks(alone, aside), Trunks(beside, both));
        for (var i = 0; i < m.Length; i++) Assert.Equal(m[i] + 0.25 * a[i], sum[i], 1e-6);
    }

    [Fact]
    public void What_an_element_counts_for_sparsity_reaches_its_gradient_as_a_mean_over_samples()
    {
        var x = Values(Samples * Inputs);
        var found = Train(new Sparsity(new(0.5f)), x, step: 1);
        for (var i = 0; i < x.Length; i++) Assert.Equal(1 + 0.5 * Math.Sign(x[i]) / Samples, found.InputGradient[i], 1e-6);
    }

    [Fact]
    public void A_pipeline_is_never_cut_behind_an_auxiliary_loss()
    {
        var network = new Network(new Sequential(new Flatten(), new Linear(new(9)), new Relu(), new Linear(new(9)), new Auxiliary(new() { Head = [new Linear(new(10))] }), new Linear(new(9)), new Relu(), new Linear(new(10))), new Shape(1, 28, 28));
        var data = Components.Make<DatasetFormat>("digits").Open("", 1);
        var head = network.Layout.Slices.Single(s => s.Name == "4.0.weight").Offset;
        Assert.Equal(3, ModelStages.Most(network, new CrossEntropy(new()), data.Train));
        Assert.True(ModelStages.Cut(network, new CrossEntropy(new()), data.Train, 3).Stages[^1].Offset <= head);
    }

    private static float[] Values(int count)
    {
        var values = new float[count];
        RandomFill.Normal(values, 9, 0f, 1f);
        return values;
    }

    private static ProbeResult Train(Layer layer, float[] x, long step)
    {
        using var device = new CpuDevice(1);
        using var probe = new LayerProbe(new Sequential(layer), new Shape(Inputs), device);
        return probe.Run(probe.Network.Initialize(7), x, Enumerable.Repeat(1f, Samples * probe.Network.Output.Length).ToArray(), Segments.One(Samples), step: step);
    }

    private static float[] Evaluate(Layer layer, float[] x, int[] seeds)
    {
        using var device = new CpuDevice(1);
        var network = new Network(new Sequential(layer), new Shape(Inputs));
        using var replica = new Replica(network, new MeanSquaredError(), device);
        using var weights = device.Allocate(network.Layout.Length);
        weights.Write(0, network.Initialize((ulong)seeds.FirstOrDefault()));
        var outputs = new float[Samples * network.Output.Length];
        replica.Predict(x, Samples, weights.View, outputs);
        return outputs;
    }
}
