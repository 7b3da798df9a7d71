using DistTrain.Kernels;
using DistTrain.Learning;

namespace DistTrain.Tests.Learning.Replicas;

public sealed class ReplicaTests
{
    [Theory]
    [InlineData("mlp", "momentum", 0.02, 30)]
    [InlineData("lenet", "adam", 0.003, 80)]
    [InlineData("softmaxRegression", "sgd", 0.1, 30)]
    [InlineData("mlp", "nesterov", 0.02, 30)]
    [InlineData("mlp", "adamw", 0.001, 30)]
    public void Training_lowers_the_loss_and_the_test_set_is_recognized(string model, string optimizer, double rate, int steps)
    {
        using var device = new CpuDevice(1);
        var train = new Clusters(new Shape(1, 28, 28), 10, 512);
        using var run = new Trainer(Build(model, train), optimizer, rate, device, train);
        var (first, last) = (run.Step(0, 64, 4), 0f);
        for (var step = 1; step < steps; step++) last = run.Step(step, 64, 4);
        Assert.True(last < first / 4, $"{model} with {optimizer}: the loss went from {first:g3} to {last:g3}");
        var test = new Clusters(new Shape(1, 28, 28), 10, 2048);
        var found = run.Replica.Evaluate(test, Enumerable.Range(1024, 200).ToArray(), run.Weights.View);
        Assert.True(found.Correct >= 190, $"{found.Correct} of {found.Samples} are right");
        Assert.Equal(200, found.Samples);
    }

    [Fact]
    public void Figures_of_a_step_are_its_loss_hits_and_samples_and_padding_is_zero()
    {
        using var device = new CpuDevice(1);
        var data = new Clusters(new Shape(12), 3, 60);
        using var run = new Trainer(Build("mlp", data), "sgd", 0.1, device, data);
        run.Gradient.View.AsSpan().Fill(float.NaN);
        var loss = run.Step(0, 20, 4, apply: false);
        var (layout, gradient) = (run.Replica.Layout, run.Gradient.View.AsSpan().ToArray());
        Assert.Equal(20f, gradient[layout.Metrics.Offset + 2]);
        var evaluated = run.Replica.Evaluate(data, Enumerable.Range(0, 20).ToArray(), run.Weights.View);
        Assert.Equal(evaluated.Loss / 20, loss, 1e-5);
        Assert.Equal(evaluated.Correct, (long)gradient[layout.Metrics.Offset + 1]);
        var inside = layout.Slices.SelectMany(s => Enumerable.Range(s.Offset, s.Length)).ToHashSet();
        Assert.DoesNotContain(Enumerable.Range(0, layout.Length), i => !inside.Contains(i) && gradient[i] != 0f);
        Assert.DoesNotContain(gradient, g => !float.IsFinite(g));
    }

    [Fact]
    public void Predictions_do_not_depend_on_the_batch_and_dropout_is_off()
    {
        using var device = new CpuDevice(2);
        var network = new Network(new Sequential(new Linear(new(9)), new BatchNorm(new()), new Dropout(new(0.5f)), NewGelu(), new Linear(new(4))), new Shape(7));
        using var replica = new Replica(network, new CrossEntropy(new()), device);
        using var weights = device.Allocate(network.Layout.Length);
        weights.Write(0, network.Initialize(1));
        var (inputs, together, alone) = (new float[5 * 7], new float[5 * 4], new float[5 * 4]);
        RandomFill.Normal(inputs, 3, 0f, 1f);
        replica.Predict(inputs, 5, weights.View, together);
        for (var i = 0; i < 5; i++) replica.Predict(inputs.AsSpan(i * 7, 7), 1, weights.View, alone.AsSpan(i * 4, 4));
        Assert.Equal(together, alone);
        Assert.Contains(together, v => v != 0);
    }

    [Fact]
    public void Sizes_may_follow_each_other_in_any_order()
    {
        using var device = new CpuDevice(1);
        var data = new Clusters(new Shape(1, 28, 28), 10, 64);
        using var run = new Trainer(Build("lenet", data), "sgd", 0.1, device, data);
        var expected = new Dictionary<(int, int), float[]>();
        foreach (var (samples, m) in new[] { (16, 1), (64, 8), (5, 8), (16, 4), (1, 1), (64, 8), (16, 1), (5, 8), (16, 4) })
        {
            run.Step(0, samples, m, apply: false);
            var gradient = run.Gradient.View.AsSpan().ToArray();
            if (expected.TryGetValue((samples, m), out var earlier)) Assert.Equal(earlier, gradient);
            else expected[(samples, m)] = gradient;
        }
    }

    [Fact]
    public void Data_that_does_not_fit_names_both_shapes()
    {
        using var device = new CpuDevice(1);
        var network = Build("lenet", new Clusters(new Shape(1, 28, 28), 10, 1));
        Assert.Equal("the data's samples are [3, 28, 28]. They must be [1, 28, 28], what the network was built for.",
            Assert.Throws<ShapeException>(() => new Replica(network, new CrossEntropy(new()), device, new Clusters(new Shape(3, 28, 28), 10, 1))).Message);
        Assert.Contains("The model must give [12]: let its last layer have 12 outputs.",
            Assert.Throws<ShapeException>(() => new Replica(network, new CrossEntropy(new()), device, new Clusters(new Shape(1, 28, 28), 12, 1))).Message);
    }

    private static Layer NewGelu() => Components.Make<Layer>("gelu");

    private static Network Build(string model, Dataset data)
    {
        var problems = new List<Problem>();
        return ModelBuilder.Build([(model, null)], data.InputShape, data.Classes, problems) ?? throw new InvalidDataException(string.Join("\n", problems));
    }
}
