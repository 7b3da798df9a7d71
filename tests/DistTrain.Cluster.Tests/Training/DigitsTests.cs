using DistTrain.Contracts;
using DistTrain.Training;

namespace DistTrain.Cluster.Tests.Training;

/// <summary>The digits job on real Orleans silos of this process has the bits of the embedded cluster, whatever happens to a silo.</summary>
public sealed class DigitsTests
{
    private static readonly Lazy<Task<TrainingResult>> _embedded = new(() => TrainingCluster.EmbeddedAsync(TrainingCluster.Digits));

    // Long enough that a silo dies in the middle of it.
    private static readonly string[] _long = ["training.epochs=6", "training.batchSize=32"];
    private static readonly Lazy<Task<TrainingResult>> _embeddedLong = new(() => TrainingCluster.EmbeddedAsync(_long));

    [Fact]
    public async Task Two_silos_give_the_bits_of_the_embedded_cluster_and_tell_every_step_once()
    {
        await using var cluster = await TrainingCluster.StartAsync(2);
        var submitted = await cluster.Client.SubmitAsync(TrainingCluster.Submission("undisturbed", TrainingCluster.Digits));
        var again = await cluster.Client.SubmitAsync(TrainingCluster.Submission("undisturbed", TrainingCluster.Digits));
        Assert.Equal(submitted.Job, again.Job);
        var conflict = await Assert.ThrowsAsync<ClusterException>(() => cluster.Client.SubmitAsync(TrainingCluster.Submission("undisturbed", "training.epochs=3")));
        Assert.Equal(ClusterError.Conflict, conflict.Error);

        var steps = new List<long>();
        await foreach (var point in cluster.Client.MetricsAsync(submitted.Job))
            if (point.Kind == "step") steps.Add(point.Step);
        var end = await cluster.EndAsync(submitted.Job);

        await SameAsync(end);
        Assert.Equal(Enumerable.Range(1, (int)end.TotalSteps).Select(s => (long)s), steps);
        Assert.NotEmpty(await cluster.Client.CheckpointsAsync(submitted.Job));
        Assert.Single(await cluster.Client.ListAsync());
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task A_silo_that_is_killed_changes_no_bit(bool holdsTheScheduler)
    {
        await using var cluster = await TrainingCluster.StartAsync(2);
        var job = (await cluster.Client.SubmitAsync(TrainingCluster.Submission($"killed-{holdsTheScheduler}", _long))).Job;
        await cluster.CommittedAsync(job, 10);
        var (holder, other) = await cluster.SilosOfAsync(job);
        var killed = holdsTheScheduler ? holder : other;
        // Two silos hold two shards and their replicas: whichever dies, every shard loses one of the two.
        JobMembers members;
        do members = await cluster.Client.MembersAsync(job);
        while (!members.Shards.All(s => s.Primary.Length > 0 && s.Replica.Length > 0) && !JobStates.IsEnd((await cluster.Client.GetAsync(job)).State));
        var before = await cluster.Client.GetAsync(job);
        await cluster.Silos.KillSiloAsync(killed);
        Assert.True(before.State == JobStates.Running && before.Step < before.TotalSteps, $"the job was {before.State} at step {before.Step} of {before.TotalSteps} when its silo was killed.");

        var end = await cluster.EndAsync(job);
        Same(await _embeddedLong.Value, end);
        Assert.True(end.Incarnation > before.Incarnation, $"incarnation {end.Incarnation} after {before.Incarnation}: nobody noticed that a silo was gone.");
        var happened = new List<TrainingEvent>();
        await foreach (var one in cluster.Client.EventsAsync(job)) happened.Add(one);
        var (promoted, primaries) = (happened.Count(e => e.Kind == "shardPromoted"), members.Shards.Count(s => s.Primary == killed.SiloAddress.ToParsableString()));
        Assert.True(promoted >= primaries, $"{promoted} of {primaries} shards were promoted: {string.Join("; ", happened.Select(e => e.Text))}");
    }

    [Fact]
    public async Task A_spec_that_is_wrong_is_refused_with_every_problem_and_makes_no_job()
    {
        await using var cluster = await TrainingCluster.StartAsync(1);
        var refused = await Assert.ThrowsAsync<ClusterException>(() => cluster.Client.SubmitAsync(TrainingCluster.Submission("wrong", "training.epochs=0", "optimizer.lr=-1")));
        Assert.Equal(ClusterError.Invalid, refused.Error);
        Assert.True(refused.Problems.Count >= 2, refused.Message);
        Assert.Empty(await cluster.Client.ListAsync());
        Assert.Equal(ClusterError.NotFound, (await Assert.ThrowsAsync<ClusterException>(() => cluster.Client.GetAsync("nothing-00000000"))).Error);
    }

    private static async Task SameAsync(JobStatus end) => Same(await _embedded.Value, end);

    private static void Same(TrainingResult embedded, JobStatus end)
    {
        Assert.True(end.State == JobStates.Succeeded, $"{end.State} after step {end.Step}: {end.Reason}");
        Assert.Equal(embedded.WeightsSha256, end.WeightsSha256);
        Assert.Equal(embedded.StateSha256, end.StateSha256);
        Assert.Equal(embedded.LossLogSha256, end.LossLogSha256);
    }
}
