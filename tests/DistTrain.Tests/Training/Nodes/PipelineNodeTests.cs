using System.Collections.Concurrent;
using System.Diagnostics;
using DistTrain.Protocol;
using DistTrain.Training;
using Xunit.Abstractions;

namespace DistTrain.Tests.Training.Nodes;

/// <summary>A pipeline whose stages run on several nodes, with activations over the lane, has the bits of one process.</summary>
public sealed class PipelineNodeTests(ITestOutputHelper output)
{
    // One crew over two and three nodes; two crews of two over two nodes; fewer workers than stages.
    [Theory]
    [InlineData("mlp", 2, 2, 2)]
    [InlineData("convnet", 3, 3, 3)]
    [InlineData("mlp", 2, 4, 2)]
    [InlineData("convnet", 2, 2, 3)]
    public async Task Stages_on_nodes_do_not_change_bits(string model, int nodes, int workers, int stages)
    {
        var resolved = SameBitsTests.Job(model, "adam", 0.5, epochs: 6);
        using var cluster = new InMemoryCluster();
        var units = new UnitsSeen(cluster);
        // Without the others one worker would begin alone.
        var job = cluster.Job(resolved.With(units.Look), stages, checkpointEvery: 7, pipeline: stages) with { MinimumWorkers = workers };
        var outcome = await NodeTests.Train(cluster, job, nodes, workers);
        Assert.Empty(cluster.Problems);
        Assert.Equal(JobState.Succeeded, outcome.State);
        SameBitsTests.AssertSame(SameBitsTests.Oracle(resolved), outcome.Result);
        Assert.Equal(nodes, units.Nodes);
    }

    [Theory]
    [InlineData(RecoveryTests.Victim.Worker, 4, 0)]
    [InlineData(RecoveryTests.Victim.Worker, 4, 1)]
    [InlineData(RecoveryTests.Victim.Scheduler, 3, 2)]
    public async Task A_node_that_is_killed_changes_no_bit_of_a_pipeline(RecoveryTests.Victim victim, int workers, int seed)
    {
        var resolved = SameBitsTests.Job("mlp", "adam", 0.5, epochs: 6);
        using var pace = new ManualResetEventSlim();
        using var cluster = new InMemoryCluster(seed == 0 ? Weather.Fair : new Weather(Drop: 0.02, Repeat: 0.05, Delay: 0.1, Seed: seed));
        var units = new UnitsSeen(cluster);
        var job = cluster.Job(resolved.With(_ => pace.Wait(5)).With(units.Look), shards: 2, checkpointEvery: 9, pipeline: 2);
        var run = new ClusterRun(cluster, job);
        run.Begin(nodes: 3, workers);
        await run.Committed(5 + 3 * seed);
        cluster.Kill(run.Pick(victim));
        var (killed, steps) = (Stopwatch.GetTimestamp(), run.Steps);
        await run.Committed(steps + 1);
        output.WriteLine($"{victim}: {Stopwatch.GetElapsedTime(killed).TotalMilliseconds:F0} ms from the kill to the next commit");
        var outcome = await run.End();
        SameBitsTests.AssertSame(SameBitsTests.Oracle(resolved), outcome.Result);
        Assert.True(units.Nodes >= 2, $"{units.Nodes} nodes have run stages");
    }

    /// <summary>Which nodes have run stages, looked at as each step is opened: a node forgets a job that is over.</summary>
    private sealed class UnitsSeen(InMemoryCluster cluster)
    {
        private readonly ConcurrentDictionary<string, bool> _seen = new();

        public int Nodes => _seen.Count;

        public void Look(long step)
        {
            foreach (var node in cluster.Nodes)
                if (node.StageUnitsOf("job") > 0) _seen[node.Address.Name] = true;
        }
    }
}
