using DistTrain.Contracts;
using DistTrain.Grains;
using Microsoft.Extensions.DependencyInjection;

namespace DistTrain.Cluster.Tests.Training;

/// <summary>A job that has ended is not started again, however slow the store is with its end.</summary>
public sealed class EndTests
{
    [Fact]
    public async Task A_job_that_has_ended_is_not_started_again_while_its_end_is_written_or_seen_late()
    {
        SlowEnd? slow = null;
        await using var cluster = await TrainingCluster.StartAsync(1, store: folder => slow = new SlowEnd(new FolderStore(Path.Combine(folder, "store"))));
        var job = (await cluster.Client.SubmitAsync(TrainingCluster.Submission("slow-end", "training.epochs=1", "training.batchSize=32"))).Job;
        var runs = cluster.Silos.Silos[0].ServiceProvider.GetRequiredService<JobRuns>();

        await slow!.Reached.WaitAsync(TrainingCluster.Limit);
        var run = runs.Find(job);
        await runs.EnsureAsync(job);
        Assert.NotNull(run);
        Assert.Same(run, Assert.Single(runs.Runs));
        var ended = await cluster.Client.GetAsync(job);
        Assert.True(ended.State == JobStates.Succeeded, $"{ended.State} at step {ended.Step}: {ended.Reason}");

        slow.Let();
        for (var given = DateTimeOffset.UtcNow + TrainingCluster.Limit; runs.Find(job) is not null && DateTimeOffset.UtcNow < given;) await cluster.Client.GetAsync(job);
        slow.MissOnce();
        await runs.EnsureAsync(job);
        Assert.Empty(runs.Runs);
        Assert.Equal(ended.WeightsSha256, (await cluster.Client.GetAsync(job)).WeightsSha256);
    }
}
