using DistTrain.Kernels;
using DistTrain.Learning;

namespace DistTrain.Tests.Learning.Replicas;

public sealed class StepMemoryTests
{
    private static readonly CrossEntropy _loss = new(new());

    [Fact]
    public void A_plan_counts_every_vector_once_and_the_arena_by_samples()
    {
        var network = new Network(new Sequential(new Linear(new(4000)), new Relu(), new Linear(new(10))), new Shape(30));
        StepMemory Of(int batch) => StepMemory.Of(network, _loss, new Momentum(new()), new Shape(), TargetKind.Labels, batch, microBatches: 3);
        var (planned, twice) = (Of(48), Of(96));
        Assert.Equal(4L * network.Layout.Length, planned.Weights);
        Assert.Equal(planned.Weights, planned.Gradients);
        Assert.Equal(planned.Weights, planned.OptimizerState);
        // Input, hidden layer and its gradient at least; never more than every value and gradient beside each other.
        Assert.InRange(planned.Arena, 4L * 48 * (30 + 2 * 4000), 4L * 48 * (30 + 2 * 4000 + 4 * 10 + 100));
        Assert.InRange(twice.Arena, 2 * planned.Arena - 1024, 2 * planned.Arena + 1024);
        Assert.Equal(planned.Weights + planned.Gradients + planned.OptimizerState + planned.Arena + planned.Scratch + planned.Runtime, planned.Total);
    }

    [Fact]
    public void Workers_share_the_weights_and_split_the_samples()
    {
        var network = new Network(new Sequential(new Linear(new(40)), new Relu(), new Linear(new(10))), new Shape(30));
        var one = StepMemory.Of(network, _loss, new Momentum(new()), new Shape(), TargetKind.Labels, batch: 64, microBatches: 4);
        var two = StepMemory.Of(network, _loss, new Momentum(new()), new Shape(), TargetKind.Labels, batch: 64, microBatches: 4, workers: 2);
        Assert.Equal(one.Weights, two.Weights);
        Assert.Equal(one.Arena, two.Arena);
        Assert.True(two.Gradients > one.Gradients);
    }
}
