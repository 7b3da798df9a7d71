using DistTrain.Kernels;
using DistTrain.Learning;
using DistTrain.Training;

namespace DistTrain.Tests.Training;

/// <summary>Every optimizer of the catalogue, with its defaults, in a cluster of three workers and as many shards as may be: the oracle's bits.</summary>
public sealed class OptimizerBitsTests
{
    public static TheoryData<string> Names() => new(Catalog.BuiltIn.All<Optimizer>().Select(o => o.Name));

    [Theory, MemberData(nameof(Names))]
    public async Task A_cluster_gives_the_bits_of_the_oracle(string name)
    {
        var optimizer = Learning.Components.Make<Optimizer>(name);
        var job = TestJobs.Mlp(optimizer, clipNorm: 0.5, epochs: 2);
        if (optimizer.PerTensor) job = job with { Layout = job.Layout.KeepingTensorsWhole() };
        if (optimizer.NeedsWholeVector) job = job with { Layout = job.Layout.KeepingVectorWhole() };
        var oracle = new LocalTrainer(job).Run();
        using var cluster = new EmbeddedCluster(job, new RunOptions { Workers = 3, Shards = Math.Min(5, job.Layout.MostShards), ComputeThreads = 1, InstructionSet = InstructionSet.Vector256 });
        SameBitsTests.AssertSame(oracle, await cluster.RunAsync());
    }

    [Fact]
    public void Rules_that_need_whole_tensors_are_given_shards_of_whole_tensors()
    {
        var layout = TestJobs.Mlp().Layout.KeepingTensorsWhole();
        Assert.Equal(5, layout.MostShards); // two weights, two biases, the step's figures
        foreach (var shards in new[] { 1, 2, 3, 5 })
        {
            var ranges = layout.Split(shards);
            Assert.Equal(layout.Blocks.Count, ranges.Sum(r => r.BlockCount));
            Assert.Equal(layout.Length, ranges.Sum(r => r.Length));
            Assert.All(ranges, r => Assert.Contains(layout.Slices, s => s.Offset == r.Offset));
        }
        Assert.Contains("tensors of this model", Assert.Throws<ArgumentException>(() => layout.Split(6)).Message);
    }
}
