using DistTrain.Learning;
using DistTrain.Tests.Training;
using DistTrain.Training;

namespace DistTrain.Tests.Learning.Data;

public sealed class SampleOrderTests
{
    private const int Count = 1000;

    [Fact]
    public void Without_replacement_each_sample_stands_once_in_an_epoch()
    {
        foreach (var epoch in new[] { 0, 1 }) Assert.Equal(Enumerable.Range(0, Count), Epoch(Sampling.Permutation, 5, epoch).Order());
        Assert.NotEqual(Epoch(Sampling.Permutation, 5, 0), Epoch(Sampling.Permutation, 5, 1));
    }

    [Fact]
    public void With_replacement_about_a_third_of_the_samples_is_missing_in_an_epoch_and_other_ones_in_the_next()
    {
        var (first, second) = (Epoch(Sampling.Replacement, 5, 0), Epoch(Sampling.Replacement, 5, 1));
        Assert.InRange(first.Distinct().Count(), 600, 665); // 1 - 1/e = 0.632
        Assert.NotEqual(first.Order(), second.Order());
        Assert.Equal(first, Epoch(Sampling.Replacement, 5, 0));
    }

    [Fact]
    public void A_bag_is_one_for_all_epochs_and_another_for_another_seed()
    {
        var (first, second, other) = (Epoch(Sampling.Bootstrap, 5, 0), Epoch(Sampling.Bootstrap, 5, 1), Epoch(Sampling.Bootstrap, 6, 0));
        Assert.InRange(first.Distinct().Count(), 600, 665);
        Assert.Equal(first.Order(), second.Order());
        Assert.NotEqual(first, second);
        Assert.NotEqual(first.Order(), other.Order());
    }

    [Theory]
    [InlineData(Sampling.Replacement)]
    [InlineData(Sampling.Bootstrap)]
    public async Task A_cluster_draws_what_the_oracle_draws(Sampling sampling)
    {
        var job = TestJobs.Mlp() with { Sampling = sampling };
        var oracle = new LocalTrainer(job).Run();
        Assert.NotEqual(new LocalTrainer(TestJobs.Mlp()).Run().WeightsSha256, oracle.WeightsSha256);
        using var cluster = new EmbeddedCluster(job, new RunOptions { Workers = 3, Shards = 2, ComputeThreads = 1 });
        SameBitsTests.AssertSame(oracle, await cluster.RunAsync());
    }

    private static int[] Epoch(Sampling sampling, ulong seed, long epoch)
    {
        var order = new SampleOrder(sampling, seed, epoch, Count);
        return [.. Enumerable.Range(0, Count).Select(i => order[i])];
    }
}
