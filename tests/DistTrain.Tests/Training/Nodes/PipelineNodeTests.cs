using DistTrain.Protocol;
using DistTrain.Training;

namespace DistTrain.Tests.Training.Nodes;

/// <summary>A pipeline whose stages run on several nodes, with activations over the lane, has the bits of one process.</summary>
public sealed class PipelineNodeTests
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
        var job = cluster.Job(resolved, stages, checkpointEvery: 7, pipeline: stages);
        var outcome = await NodeTests.Train(cluster, job, nodes, workers);
        Assert.Empty(cluster.Problems);
        Assert.Equal(JobState.Succeeded, outcome.State);
        SameBitsTests.AssertSame(SameBitsTests.Oracle(resolved), outcome.Result);
        Assert.True(cluster.Nodes.All(n => n.StageUnitsOf(job.Id) > 0), "a node has run no stage");
    }

    [Theory]
    [InlineData(RecoveryTests.Victim.Worker, 4, 1)]
    [InlineData(RecoveryTests.Victim.Scheduler, 3, 2)]
    public async Task A_node_that_is_killed_under_a_bad_wire_changes_no_bit_of_a_pipeline(RecoveryTests.Victim victim, int workers, int seed)
    {
        var resolved = SameBitsTests.Job("mlp", "adam", 0.5, epochs: 6);
        using var pace = new ManualResetEventSlim();
        using var cluster = new InMemoryCluster(new Weather(Drop: 0.02, Repeat: 0.05, Delay: 0.1, Seed: seed));
        var job = cluster.Job(resolved.With(_ => pace.Wait(5)), shards: 2, checkpointEvery: 9, pipeline: 2);
        var run = new ClusterRun(cluster, job);
        run.Begin(nodes: 3, workers);
        await run.Committed(5 + 3 * seed);
        cluster.Kill(run.Pick(victim));
        var outcome = await run.End();
        SameBitsTests.AssertSame(SameBitsTests.Oracle(resolved), outcome.Result);
        Assert.True(cluster.Nodes.Sum(n => n.StageUnitsOf(job.Id)) > 0, "no unit went through a stage");
    }
}
