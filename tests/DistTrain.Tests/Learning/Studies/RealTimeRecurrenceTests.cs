using DistTrain.Kernels;
using DistTrain.Learning;

namespace DistTrain.Tests.Learning.Studies;

public sealed class RealTimeRecurrenceTests
{
    [Theory]
    [InlineData(RecurrentActivation.Tanh)]
    [InlineData(RecurrentActivation.Relu)]
    public void Gradients_that_go_forward_with_the_state_are_those_of_back_propagation_through_time(RecurrentActivation activation)
    {
        var network = new Network(new Sequential(new Linear(new(5)), new Tanh(), new Rnn(new(7) { Activation = activation }), new Linear(new(3))), new Shape(13, 4));
        var (weights, x, target) = (network.Initialize(3), new float[13 * 4], new int[13]);
        RandomFill.Normal(x, 9, 0f, 1f);
        for (var t = 0; t < target.Length; t++) target[t] = t * 5 % 3;
        var found = RealTimeRecurrence.Compare(network, new CrossEntropy(new()), weights, x, System.Runtime.InteropServices.MemoryMarshal.Cast<int, float>(target), new Shape(13), TargetKind.Labels);
        Assert.Equal(["2.weight_ih_l0", "2.weight_hh_l0", "2.bias_ih_l0", "2.bias_hh_l0"], found.Select(f => f.Parameter));
        Assert.All(found, f => Assert.True(f.Difference < 1e-5, $"{f.Parameter}: {f.Difference}"));
        Assert.All(found, f => Assert.True(f.Forward.Max(Math.Abs) > 1e-4));
    }

    [Fact]
    public void It_is_the_gradient_that_training_takes()
    {
        var network = new Network(new Sequential(new Rnn(new(6)), new Linear(new(2))), new Shape(9, 3));
        var (weights, x, target) = (network.Initialize(1), new float[27], new int[9]);
        RandomFill.Normal(x, 4, 0f, 1f);
        for (var t = 0; t < 9; t++) target[t] = t % 2;
        var bits = System.Runtime.InteropServices.MemoryMarshal.Cast<int, float>(target);
        var found = RealTimeRecurrence.Compare(network, new CrossEntropy(new()), weights, x, bits, new Shape(9), TargetKind.Labels);
        using var device = new CpuDevice(1);
        using var probe = new LayerProbe(new Sequential(new Rnn(new(6)), new Linear(new(2))), new Shape(9, 3), device, new CrossEntropy(new()), new Shape(9), TargetKind.Labels);
        var trained = probe.Run(weights, x, bits, Segments.One(1)).Gradient;
        foreach (var gradient in found)
        {
            var slice = network.Layout.Slices.First(s => s.Name == gradient.Parameter);
            for (var i = 0; i < slice.Length; i++) Assert.Equal(trained[slice.Offset + i], gradient.Forward[i], 1e-5 * gradient.Forward.Max(Math.Abs));
        }
    }

    [Fact]
    public void What_it_cannot_take_is_refused_with_the_layer_and_what_to_do()
    {
        string Refusal(Layer layer) => Assert.Throws<ShapeException>(() => RealTimeRecurrence.Compare(new Network(layer, new Shape(4, 3)), new CrossEntropy(new()), new float[new Network(layer is Sequential s ? new Sequential([.. s.Layers]) : layer, new Shape(4, 3)).Layout.Length], new float[12], new float[4], new Shape(4), TargetKind.Labels)).Message;
        Assert.Contains("has 8 parameters. Real-time recurrent learning takes one layer", Refusal(new Sequential(new Rnn(new(4, 2)), new Linear(new(2)))), StringComparison.Ordinal);
        Assert.Contains("has no rnn in its sequence (linear)", Refusal(new Sequential(new Linear(new(2)))), StringComparison.Ordinal);
    }
}
