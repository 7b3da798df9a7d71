using System.Diagnostics;
using DistTrain.Contracts;
using DistTrain.Protocol;
using DistTrain.Training;
using Xunit.Abstractions;

namespace DistTrain.Tests.Training.Nodes;

/// <summary>Nodes are killed at random moments: the job goes on without a restart, no committed step is lost, and the bits are those of an undisturbed run.</summary>
public sealed class RecoveryTests(ITestOutputHelper output)
{
    public enum Victim
    {
        Worker,
        Primary,
        Scheduler,
    }

    [Theory]
    [InlineData(Victim.Worker, 4)]
    [InlineData(Victim.Primary, 6)]
    [InlineData(Victim.Scheduler, 6)]
    public async Task A_node_that_is_killed_costs_no_committed_step(Victim victim, int times)
    {
        var random = new Random((int)victim + 1);
        var pauses = new List<double>();
        for (var i = 0; i < times; i++) pauses.Add(await KillOnce(victim, random.Next(3, 40), Weather.Fair));
        pauses.Sort();
        output.WriteLine($"{victim}: from kill to the next commit p50 {pauses[pauses.Count / 2]:F0} ms, worst {pauses[^1]:F0} ms, of {times}");
    }

    [Theory]
    [InlineData(Victim.Primary, 1)]
    [InlineData(Victim.Scheduler, 2)]
    public async Task A_wire_that_loses_repeats_and_reorders_changes_nothing(Victim victim, int seed) =>
        output.WriteLine($"{victim}: {await KillOnce(victim, 3 + seed, new Weather(Drop: 0.05, Repeat: 0.1, Delay: 0.2, Seed: seed)):F0} ms");

    [Fact]
    public async Task A_shard_without_any_copy_left_comes_back_from_the_checkpoint_and_the_bits_stay()
    {
        var resolved = SameBitsTests.Job("mlp", "adam", 0.5, epochs: 10);
        using var pace = new ManualResetEventSlim();
        using var cluster = new InMemoryCluster();
        var run = new ClusterRun(cluster, cluster.Job(resolved.With(_ => pace.Wait(50)), shards: 2, replicated: false, checkpointEvery: 7));
        run.Begin(nodes: 3, workers: 3, seatsBesideScheduler: false);
        await run.Committed(16);
        cluster.Kill(run.Pick(Victim.Primary));
        pace.Set();
        var outcome = await run.End();
        SameBitsTests.AssertSame(SameBitsTests.Oracle(resolved), outcome.Result);
        Assert.Contains(run.Events, e => e.About == JobEventKind.Restored);
        Assert.Equal(run.StepsTold.Distinct(), run.StepsTold);
    }

    [Fact]
    public async Task A_job_that_is_stopped_goes_on_from_its_checkpoint_on_other_nodes()
    {
        var resolved = SameBitsTests.Job("convnet", "adam", 0.5, epochs: 6);
        using var pace = new ManualResetEventSlim();
        using var cluster = new InMemoryCluster();
        // Slow enough to be stopped on its way, on any machine, and fast from then on.
        var job = cluster.Job(resolved.With(_ => pace.Wait(100)), shards: 2);
        var first = new ClusterRun(cluster, job);
        first.Begin(nodes: 2, workers: 2);
        await first.Committed(8);
        var stop = await first.Hosted.StopAsync("stop-1").WaitAsync(InMemoryCluster.Patience);
        pace.Set();
        Assert.Equal(stop, await first.Hosted.StopAsync("stop-1").WaitAsync(InMemoryCluster.Patience));
        var stopped = await first.End();
        Assert.Equal((JobState.Stopped, stop.Step), (stopped.State, stopped.Result.Steps));
        Assert.Equal(64, stopped.Result.WeightsSha256.Length);
        Assert.Equal(stop.Step, first.Hosted.Checkpoints()[0].Step);
        foreach (var node in cluster.Nodes) cluster.Kill(node);

        var second = new ClusterRun(cluster, job);
        second.Begin(nodes: 3, workers: 3, resume: true);
        var outcome = await second.End();
        SameBitsTests.AssertSame(SameBitsTests.Oracle(resolved), outcome.Result);
        Assert.Equal(resolved.TotalSteps - stop.Step, outcome.Result.StepsThisRun);
        Assert.Equal(Enumerable.Range(1, (int)resolved.TotalSteps).Select(s => (long)s), second.StepsTold);
    }

    [Fact]
    public async Task A_past_longer_than_a_feed_for_viewers_is_told_whole_to_who_reads_late()
    {
        var resolved = TestJobs.Tiny(epochs: 860);
        using var cluster = new InMemoryCluster();
        var job = cluster.Job(resolved, shards: 1, replicated: false);
        var stopped = await NodeTests.Train(cluster, job with { Options = job.Options with { StopAfterSteps = resolved.TotalSteps - 5 } }, nodes: 1, workers: 1);
        Assert.Equal(JobState.Stopped, stopped.State);
        cluster.Kill(cluster.Nodes[0]);

        var node = cluster.Add();
        var feed = RunFeed.Whole();
        var hosted = node.StartJob(job, cluster.Register, resume: true, [], feed);
        node.StartSeat(job, node.Address);
        node.StartWorker(job, node.Address);
        Assert.Equal(JobState.Succeeded, (await hosted.Outcome.WaitAsync(InMemoryCluster.Patience)).State);
        var told = new List<long>();
        await foreach (var record in feed.Records.ReadAllAsync())
            if (record.Kind == RunRecordKind.Step) told.Add(record.Step);
        Assert.Equal(0, feed.Dropped);
        Assert.Equal(Enumerable.Range(1, (int)resolved.TotalSteps).Select(s => (long)s), told);
    }

    [Fact]
    public async Task Whatever_is_waited_for_is_said_in_a_sentence()
    {
        var resolved = SameBitsTests.Job("mlp", "adam", 0.5);
        using var cluster = new InMemoryCluster();
        var run = new ClusterRun(cluster, cluster.Job(resolved, shards: 2));
        run.Begin(nodes: 2, workers: 0);
        Assert.True(SpinWait.SpinUntil(() => run.Hosted.Why() is [var first, ..] && first.Text.Contains("waits for workers: 0 of at least 1", StringComparison.Ordinal), InMemoryCluster.Patience));
        // What the other node's seats wait for is reported twice a second.
        Assert.True(SpinWait.SpinUntil(() => run.Hosted.Why().Any(w => w.Who.EndsWith("on node-b", StringComparison.Ordinal)), InMemoryCluster.Patience));
        Assert.Equal(["node-a", "node-b"], run.Hosted.Members().Shards.SelectMany(s => new[] { s.Primary, s.Replica }).Distinct().Order());
        Assert.All(run.Hosted.Members().Shards, s => Assert.NotEqual(s.Primary, s.Replica));
        Assert.Equal(JobStates.Running, run.Hosted.Status().State);
        cluster.Nodes[1].StartWorker(run.Hosted.Job, cluster.Nodes[0].Address);
        SameBitsTests.AssertSame(SameBitsTests.Oracle(resolved), (await run.End()).Result);
        var status = run.Hosted.Status();
        Assert.Equal((JobStates.Succeeded, resolved.TotalSteps, SameBitsTests.Oracle(resolved).WeightsSha256), (status.State, status.Step, status.WeightsSha256));
    }

    private static async Task<double> KillOnce(Victim victim, int atStep, Weather weather)
    {
        var resolved = SameBitsTests.Job("mlp", "adam", 0.5, epochs: weather == Weather.Fair ? 10 : 3);
        using var pace = new ManualResetEventSlim();
        // However slow this machine is, the job is not done before the kill.
        using var killing = new ManualResetEventSlim();
        using var cluster = new InMemoryCluster(weather);
        var job = cluster.Job(resolved.With(step =>
        {
            if (step > atStep + 4) killing.Wait(InMemoryCluster.Patience);
            pace.Wait(5);
        }), shards: 2, checkpointEvery: 7);
        var run = new ClusterRun(cluster, job);
        run.Begin(nodes: 3, workers: 3);
        await run.Committed(atStep);
        var dead = run.Pick(victim);
        var (before, clock) = (run.Steps, Stopwatch.StartNew());
        killing.Set();
        cluster.Kill(dead);
        await run.Committed(before + 1);
        var pause = clock.Elapsed.TotalMilliseconds;
        var outcome = await run.End();
        Assert.Empty(cluster.Problems);
        SameBitsTests.AssertSame(SameBitsTests.Oracle(resolved), outcome.Result);
        Assert.DoesNotContain(run.Events, e => e.About == JobEventKind.Restored);
        if (victim == Victim.Primary) Assert.Contains(run.Events, e => e.About == JobEventKind.ShardPromoted);
        Assert.Equal(Enumerable.Range(1, (int)resolved.TotalSteps).Select(s => (long)s), run.StepsTold.Distinct().Order());
        return pause;
    }
}
