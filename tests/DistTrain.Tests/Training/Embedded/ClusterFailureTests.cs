using DistTrain.Kernels;
using DistTrain.Learning;
using DistTrain.Protocol;
using DistTrain.Training;

namespace DistTrain.Tests.Training;

/// <summary>A run that cannot go on ends, and says why.</summary>
public sealed class ClusterFailureTests
{
    [Fact]
    public async Task Code_that_throws_again_and_again_fails_the_job_with_its_text()
    {
        var job = TestJobs.Mlp();
        var result = await Run(job with { MakeReplica = device => new Throwing(job.MakeReplica(device)) }, workers: 2);
        Assert.Equal(TrainingStatus.Failed, result.Status);
        Assert.Contains("the layer of a user has no idea", result.Error, StringComparison.Ordinal);
        Assert.Contains(nameof(Throwing), result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_replica_that_cannot_be_made_ends_the_run()
    {
        var result = await Run(TestJobs.Mlp() with { MakeReplica = _ => throw new InvalidOperationException("no memory for this model") }, workers: 1);
        Assert.Equal(TrainingStatus.Failed, result.Status);
        Assert.Contains("no memory for this model", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Gradients_that_are_not_finite_are_skipped_as_the_oracle_skips_them()
    {
        var job = TestJobs.Mlp(epochs: 1) with { Initialize = weights => weights.Fill(float.NaN) };
        var (oracle, result) = (new LocalTrainer(job).Run(), await Run(job, workers: 2));
        Assert.Equal((TrainingStatus.Completed, oracle.LossLogSha256), (result.Status, result.LossLogSha256));
        Assert.Contains(result.Warnings, w => w.Contains("the gradient norm is NaN, no update", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(NonFinitePolicy.Halt, "the gradient norm is NaN")]
    [InlineData(NonFinitePolicy.Rollback, "after three rollbacks")]
    public async Task Gradients_that_are_not_finite_end_the_run_where_that_is_asked_for(NonFinitePolicy policy, string why)
    {
        var job = TestJobs.Mlp(epochs: 1) with { Initialize = weights => weights.Fill(float.NaN), OnNonFinite = policy };
        var result = await Run(job, workers: 2);
        Assert.Equal(TrainingStatus.Failed, result.Status);
        Assert.Contains(why, result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void More_shards_than_blocks_are_refused_with_both_numbers() =>
        Assert.Contains("shards is 6. It must be between 1 and 5", Assert.Throws<ArgumentException>(() => new EmbeddedCluster(TestJobs.Mlp(), new RunOptions { Shards = 6 })).Message, StringComparison.Ordinal);

    private static async Task<TrainingResult> Run(ResolvedJob job, int workers)
    {
        using var cluster = new EmbeddedCluster(job, new RunOptions { Workers = workers, Shards = 2, ComputeThreads = 1 });
        return await cluster.RunAsync();
    }

    private sealed class Throwing(IReplica replica) : IReplica
    {
        public Device Device => replica.Device;

        public ParameterLayout Layout => replica.Layout;

        public void Gradient(in Pass pass, View weights, View gradient) => throw new InvalidOperationException("the layer of a user has no idea");

        public EvaluationSum Evaluate(Dataset data, ReadOnlySpan<int> sampleIndexes, View weights) => replica.Evaluate(data, sampleIndexes, weights);

        public void Predict(ReadOnlySpan<float> inputs, int samples, View weights, Span<float> outputs) => replica.Predict(inputs, samples, weights, outputs);

        public void Dispose() => replica.Dispose();
    }
}
