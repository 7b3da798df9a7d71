using System.Diagnostics;
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

    private static async Task<double> KillOnce(Victim victim, int atStep, Weather weather)
    {
        var resolved = SameBitsTests.Job("mlp", "adam", 0.5, epochs: weather == Weather.Fair ? 10 : 3);
        using var pace = new ManualResetEventSlim();
        using var cluster = new InMemoryCluster(weather);
        var job = cluster.Job(resolved.With(_ => pace.Wait(5)), shards: 2, checkpointEvery: 7);
        var run = new ClusterRun(cluster, job);
        run.Begin(nodes: 3, workers: 3);
        await run.Committed(atStep);
        var dead = run.Pick(victim);
        var (before, clock) = (run.Steps, Stopwatch.StartNew());
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
