using DistTrain.Learning;
using DistTrain.Training;

namespace DistTrain.Tests.Training;

/// <summary>What a long run costs beside arithmetic: nothing that grows.</summary>
[Collection(Kernels.Devices.MeasuresTheWholeProcess.Name)]
public sealed class ClusterSteadyStateTests
{
    private const int FirstMeasured = 2100;
    private const int Windows = 7;
    private const int WindowSteps = 100;

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    public async Task A_step_allocates_nothing(int workers, int shards)
    {
        // Machines keep records until a save lets them go, every 1024 steps: measured is what lies between two saves once they have room for that many.
        var allocated = new long[Windows + 1];
        var job = TestJobs.Mlp(new Momentum(new()), clipNorm: 1, epochs: 1000).With(step =>
        {
            var window = (step - FirstMeasured) / (double)WindowSteps;
            if (window >= 0 && window <= Windows && window == (int)window) allocated[(int)window] = GC.GetTotalAllocatedBytes(precise: true);
        }) with { EvaluateEvery = int.MaxValue };
        using var cluster = new EmbeddedCluster(job, new RunOptions { Workers = workers, Shards = shards, ComputeThreads = 1, StopAfterSteps = 2900 });
        Assert.Equal(2900, (await cluster.RunAsync()).Steps);
        // The runtime and the test host make an object now and then, in some windows; a step that made one would show 24 bytes a step in every window.
        var least = Enumerable.Range(0, Windows).Min(w => allocated[w + 1] - allocated[w]);
        Assert.True(least < 5 * WindowSteps, $"at least {least} bytes in every {WindowSteps} steps");
    }

    [Fact]
    public async Task Memory_is_flat_over_ten_thousand_steps()
    {
        var (early, late) = (0L, 0L);
        var job = TestJobs.Tiny(epochs: 2001).With(step =>
        {
            if (step == 2_100) early = GC.GetTotalMemory(forceFullCollection: true);
            if (step == 10_000) late = GC.GetTotalMemory(forceFullCollection: true);
        }) with { EvaluateEvery = 500 };
        var feed = new RunFeed();
        using var cluster = new EmbeddedCluster(job, new RunOptions { Workers = 2, Shards = 2, ComputeThreads = 1 }, feed);
        Assert.Equal(10_005, (await cluster.RunAsync()).Steps);
        Assert.True(late - early < 200_000, $"{late - early} bytes more after 10,000 steps than after 2,100");
        Assert.True(feed.Dropped > 0, "nobody read the feed, so it must have let records go");
    }
}
