using DistTrain.Kernels;
using DistTrain.Learning;

namespace DistTrain.Tests.Learning.Losses;

/// <summary>What training lowers in all, main loss and side losses, against differences of it: a factor of the main loss reaches what it belongs to and nothing else.</summary>
public sealed class SideLossTests
{
    private const int Samples = 9, Inputs = 5, Classes = 4;
    private const float L1 = 0.7f, Weight = 0.4f;

    private static readonly CpuDevice _device = new(1);

    // σ > 0: the sum of |x| has no kink here.
    private static Layer[] Trunk => [new Linear(new(6)), new Sigmoid()];

    public static TheoryData<string> Objectives() => ["sparsity, mse", "sparsity, rmse", "sparsity, class weights", "sparsity, ignored labels", "head, ignored labels", "head, smoothed class weights", "head and sparsity, class weights", "head, mse"];

    [Theory, MemberData(nameof(Objectives))]
    public void The_gradient_is_that_of_all_that_training_lowers(string objective)
    {
        var loss = LossOf(objective);
        var values = loss is MeanSquaredError or RootMeanSquaredError;
        var data = new Points(values);
        var (sparse, headed) = (objective.Contains("sparsity", StringComparison.Ordinal), objective.StartsWith("head", StringComparison.Ordinal));
        Layer[] middle = [.. Trunk, .. sparse ? [new Sparsity(new(L1))] : (Layer[])[], .. headed ? [new Auxiliary(new() { Head = [new Linear(new(Classes))], Weight = Weight })] : (Layer[])[]];
        var network = new Network(new Sequential([.. middle, new Linear(new(Classes))]), new Shape(Inputs), loss: loss);
        Assert.Equal(sparse && loss.Factor != LossFactor.None, network.Layout.Sides.Count > 0);
        using var replica = new Replica(network, loss, _device, data);
        var weights = network.Initialize(3);
        var (gradient, factor) = Gradient(replica, network.Layout, loss, weights);

        double Total(float[] at)
        {
            var (main, _) = Figures(replica, network.Layout, loss, at);
            var total = main;
            if (headed)
            {
                var alone = new Network(new Sequential([.. Trunk, new Linear(new(Classes))]), new Shape(Inputs));
                using var head = new Replica(alone, loss, _device, data);
                var own = new float[alone.Layout.Length];
                foreach (var slice in alone.Layout.Slices.Where(s => s.Kind == SliceKind.Parameter))
                {
                    var from = network.Layout.Slices.Single(s => s.Name == (slice.Name.StartsWith('2') ? $"{middle.Length - 1}.0{slice.Name[1..]}" : slice.Name));
                    at.AsSpan(from.Offset, from.Length).CopyTo(own.AsSpan(slice.Offset));
                }
                total += Weight * Figures(head, alone.Layout, loss, own).Loss;
            }
            if (sparse)
            {
                var trunk = new Network(new Sequential([.. Trunk]), new Shape(Inputs));
                using var code = new Replica(trunk, new MeanSquaredError(), _device);
                var own = new float[trunk.Layout.Length];
                foreach (var slice in trunk.Layout.Slices.Where(s => s.Kind == SliceKind.Parameter)) at.AsSpan(network.Layout.Slices.Single(s => s.Name == slice.Name).Offset, slice.Length).CopyTo(own.AsSpan(slice.Offset));
                var y = new float[Samples * 6];
                code.Predict(data.Inputs, Samples, Device(own), y);
                total += L1 * y.Sum(v => (double)Math.Abs(v)) / Samples;
            }
            return total;
        }

        foreach (var slice in network.Layout.Slices.Where(s => s.Kind == SliceKind.Parameter))
            for (var i = slice.Offset; i < slice.Offset + slice.Length; i += 3)
            {
                const float Step = 1f / 64;
                float[] At(float step)
                {
                    var moved = weights.ToArray();
                    moved[i] += step;
                    return moved;
                }
                var measured = (Total(At(Step)) - Total(At(-Step))) / (2.0 * Step);
                Assert.True(Math.Abs(measured - gradient[i]) <= 2e-3 * Math.Max(0.05, Math.Abs(measured)), $"{objective}: {slice.Name}[{i - slice.Offset}] has slope {measured:g5} by differences and {gradient[i]:g5} by backward; the loss's factor is {factor:g4}");
            }
    }

    [Fact]
    public void A_network_made_without_the_loss_whose_factor_matters_is_refused()
    {
        var network = new Network(new Sequential(new Linear(new(3)), new Sparsity(new(0.1f)), new Linear(new(Classes))), new Shape(Inputs));
        var error = Assert.Throws<ArgumentException>(() => new Replica(network, new RootMeanSquaredError(), _device, new Points(true)));
        Assert.Contains("the network has layer 1 (sparsity) and the loss takes a factor at the end of a step. Give the loss to the network's constructor too", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("rmse", "the loss is rmse and layer 1 (auxiliary) has a head. The factor of rmse is the main output's and cannot be a head's. Use mse, or leave the head out.")]
    [InlineData("mse", null)]
    [InlineData("narrow", "layer 1 (auxiliary) has a head whose outputs go to the loss crossEntropy too: the head gives [3] for each sample and the data has 4 classes for targets of shape []. The head must give [4]: let its last layer have 4 outputs.")]
    public void A_head_that_does_not_fit_is_named_with_its_layer_and_the_loss(string what, string? message)
    {
        var values = what is "rmse" or "mse";
        Loss loss = what switch { "rmse" => new RootMeanSquaredError(), "mse" => new MeanSquaredError(), _ => new CrossEntropy(new(IgnoreIndex: 1)) };
        var network = new Network(new Sequential(new Linear(new(3)), new Auxiliary(new() { Head = [new Linear(new(what == "narrow" ? 3 : Classes))] }), new Linear(new(Classes))), new Shape(Inputs), loss: loss);
        var found = network.Misfit(loss, values ? new Shape(Classes) : new Shape(), values ? TargetKind.Values : TargetKind.Labels, values ? 0 : Classes);
        Assert.Equal(message, found);
    }

    private static Loss LossOf(string objective) => objective.Split(", ")[1] switch
    {
        "mse" => new MeanSquaredError(), "rmse" => new RootMeanSquaredError(),
        "class weights" => new CrossEntropy(new(0, [0.5f, 2, 1, 4])), "ignored labels" => new CrossEntropy(new(0, null, 2)), _ => new CrossEntropy(new(0.2f, [0.5f, 2, 1, 4], 2)),
    };

    private static View Device(float[] values)
    {
        var memory = _device.Allocate(values.Length);
        memory.Write(0, values);
        return memory.View;
    }

    // As the step's decision makes it: the factor on what is the main loss's.
    private static (float[] Gradient, double Factor) Gradient(Replica replica, ParameterLayout layout, Loss loss, float[] weights)
    {
        var found = Run(replica, layout, weights);
        var (_, factor) = loss.Finish(found[layout.Metrics.Offset], found[layout.Metrics.Offset + 3]);
        var total = found.Select(g => (float)(g * factor)).ToArray();
        foreach (var (parameter, side) in layout.Sides)
            for (var i = 0; i < parameter.Length; i++) total[parameter.Offset + i] += found[side.Offset + i];
        return (total, factor);
    }

    private static (double Loss, double Factor) Figures(Replica replica, ParameterLayout layout, Loss loss, float[] weights)
    {
        var found = Run(replica, layout, weights);
        return loss.Finish(found[layout.Metrics.Offset], found[layout.Metrics.Offset + 3]);
    }

    private static float[] Run(Replica replica, ParameterLayout layout, float[] weights)
    {
        using var memory = _device.Allocate(layout.Length);
        replica.Gradient(new Pass(1, 0, Samples, Segments.One(Samples), Enumerable.Range(0, Samples).ToArray()), Device(weights), memory.View);
        var found = new float[layout.Length];
        memory.Read(0, found);
        return found;
    }

    private sealed class Points(bool values) : Dataset
    {
        public float[] Inputs { get; } = Drawn(Samples * SideLossTests.Inputs, 5);

        public override int Count => Samples;

        public override Shape InputShape { get; } = new(SideLossTests.Inputs);

        public override Shape TargetShape { get; } = values ? new Shape(SideLossTests.Classes) : new Shape();

        public override TargetKind TargetKind => values ? TargetKind.Values : TargetKind.Labels;

        public override int Classes => values ? 0 : SideLossTests.Classes;

        public override DatasetIdentity Identity { get; } = new("points", 0, "");

        public override void Read(int index, Span<float> input, Span<int> target)
        {
            Inputs.AsSpan(index * input.Length, input.Length).CopyTo(input);
            for (var i = 0; i < target.Length; i++) target[i] = values ? BitConverter.SingleToInt32Bits((index * 7 + i * 3) % 5 / 2f - 1) : index % 4;
        }

        private static float[] Drawn(int count, ulong seed)
        {
            var drawn = new float[count];
            RandomFill.Normal(drawn, seed, 0f, 1f);
            return drawn;
        }
    }
}
