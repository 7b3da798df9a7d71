using System.Collections.Concurrent;
using System.Globalization;
using DistTrain.Kernels;
using DistTrain.Training;

namespace DistTrain.Tests.Training;

/// <summary>The promise: weights, optimizer state and loss log are those of the one-process oracle, whatever the cluster looks like.</summary>
public sealed class SameBitsTests
{
    private static readonly ConcurrentDictionary<string, Lazy<TrainingResult>> _oracles = new();

    // Pairwise over workers {1, 2, 3, 4, 8}, shards {1, 2, 5}, optimizer, clipping, compute threads, instruction set.
    [Theory]
    [InlineData("mlp", 1, 1, "sgd", 0, 1, InstructionSet.Vector512)]
    [InlineData("mlp", 2, 2, "adam", 0.5, 1, InstructionSet.Vector256)]
    [InlineData("mlp", 3, 5, "momentum", 0.5, 2, InstructionSet.Scalar)]
    [InlineData("mlp", 4, 1, "adam", 0.5, 2, InstructionSet.Vector512)]
    [InlineData("mlp", 8, 2, "sgd", 0.5, 1, InstructionSet.Vector256)]
    [InlineData("convnet", 1, 2, "momentum", 0.5, 2, InstructionSet.Vector256)]
    [InlineData("convnet", 2, 5, "sgd", 0, 1, InstructionSet.Vector512)]
    [InlineData("convnet", 3, 1, "adam", 0.5, 1, InstructionSet.Scalar)]
    [InlineData("convnet", 4, 2, "momentum", 0, 1, InstructionSet.Scalar)]
    [InlineData("convnet", 8, 5, "adam", 0.5, 1, InstructionSet.Vector512)]
    [InlineData("lstm", 1, 2, "adam", 0.5, 2, InstructionSet.Vector256)]
    [InlineData("lstm", 4, 3, "sgd", 0, 1, InstructionSet.Vector512)]
    [InlineData("gru", 3, 1, "adam", 0.5, 1, InstructionSet.Scalar)]
    [InlineData("rnn", 2, 2, "momentum", 0.5, 1, InstructionSet.Vector512)]
    public async Task Workers_and_shards_do_not_change_bits(string model, int workers, int shards, string optimizer, double clip, int threads, InstructionSet set)
    {
        var job = Job(model, optimizer, clip);
        using var cluster = new EmbeddedCluster(job, new RunOptions { Workers = workers, Shards = shards, ComputeThreads = threads, InstructionSet = set });
        AssertSame(Oracle(job), await cluster.RunAsync());
    }

    [Theory]
    [InlineData("mlp", KillPoint.Now)]
    [InlineData("mlp", KillPoint.MidCompute)]
    [InlineData("mlp", KillPoint.MidPush)]
    [InlineData("convnet", KillPoint.MidPush)]
    [InlineData("lstm", KillPoint.MidCompute)]
    [InlineData("gru", KillPoint.MidPush)]
    public async Task Workers_that_vanish_and_workers_that_join_do_not_change_bits(string model, KillPoint point)
    {
        var job = Job(model, "adam", 0.5);
        EmbeddedCluster? cluster = null;
        var (killed, next) = (0, 0);
        cluster = new EmbeddedCluster(job.With(step =>
        {
            if (step % 2 == 0) return;
            if (cluster!.KillWorker(next++, point)) killed++;
            cluster.AddWorker();
        }), new RunOptions { Workers = 3, Shards = 2, ComputeThreads = 1 });
        using (cluster)
        {
            var result = await cluster.RunAsync();
            Assert.True(killed >= 5, $"{killed} workers were killed");
            AssertSame(Oracle(job), result);
            Assert.Contains(result.Warnings, w => w.Contains("is lost", StringComparison.Ordinal));
        }
    }

    internal static ResolvedJob Job(string model, string optimizer, double clip, int epochs = 3) =>
        TestJobs.Resolve(string.Create(CultureInfo.InvariantCulture, $"{model} {optimizer} {clip} {epochs}"));

    internal static TrainingResult Oracle(ResolvedJob job) => _oracles.GetOrAdd(job.Identity, _ => new(() => new LocalTrainer(job).Run())).Value;

    internal static void AssertSame(TrainingResult oracle, TrainingResult result)
    {
        Assert.True(result.Status == TrainingStatus.Completed, $"{result.Status}: {result.Error}");
        Assert.Equal(oracle.LossLogSha256, result.LossLogSha256);
        Assert.Equal(oracle.WeightsSha256, result.WeightsSha256);
        Assert.Equal(oracle.StateSha256, result.StateSha256);
        Assert.Equal(oracle.TestLoss, result.TestLoss);
        Assert.Equal(oracle.Steps, result.Steps);
    }
}
