using System.Net;
using DistTrain.Protocol;
using DistTrain.Training;
using DistTrain.Training.Specs;

namespace DistTrain.Tests.Training.Nodes;

/// <summary>A job over several nodes has the bits of the one-process oracle.</summary>
public sealed class NodeTests
{
    [Theory]
    [InlineData("mlp", 1, 1, 1, false)]
    [InlineData("mlp", 2, 2, 2, true)]
    [InlineData("mlp", 3, 3, 2, true)]
    [InlineData("convnet", 3, 4, 3, true)]
    public async Task Nodes_workers_shards_and_replicas_do_not_change_bits(string model, int nodes, int workers, int shards, bool replicated)
    {
        var resolved = SameBitsTests.Job(model, "adam", 0.5);
        using var cluster = new InMemoryCluster();
        var outcome = await Train(cluster, cluster.Job(resolved, shards, replicated, checkpointEvery: 4), nodes, workers);
        Assert.Empty(cluster.Problems);
        Assert.Equal(JobState.Succeeded, outcome.State);
        SameBitsTests.AssertSame(SameBitsTests.Oracle(resolved), outcome.Result);
    }

    // The sum of weights, and the sums over side gradients, reach the scheduler over the wire: without them the coefficient would be another.
    [Theory]
    [InlineData("[flatten, {linear: 10}]")]
    [InlineData("[flatten, {linear: 12}, relu, {sparsity: 0.01}, {linear: 10}]")]
    public async Task A_loss_that_is_finished_at_the_decision_has_the_oracle_s_bits_over_nodes(string model)
    {
        string[] spec = ["data.format={digits: {train: 160, test: 48}}", $"model={model}", "loss={crossEntropy: {classWeights: [1, 2, 0.5, 1, 3, 1, 1, 0.25, 1, 1], ignoreIndex: 7}}", "training.epochs=1", "training.batchSize=40", "training.microBatches=4", "training.clipNorm=0.5"];
        var resolved = JobPlanner.Plan(JobFile.BuiltIn([.. spec.Select(SpecOverride.Parse)])).Job;
        using var cluster = new InMemoryCluster();
        var outcome = await Train(cluster, cluster.Job(resolved, shards: 2, replicated: true, checkpointEvery: 2), nodes: 3, workers: 3);
        Assert.Empty(cluster.Problems);
        SameBitsTests.AssertSame(new LocalTrainer(resolved).Run(), outcome.Result);
    }

    [Fact]
    public async Task While_something_is_started_for_a_job_messages_are_received()
    {
        using var cluster = new InMemoryCluster();
        using var wire = new HeldWire();
        using var node = new TrainingNode(new NodeOptions("held", new IPEndPoint(IPAddress.Loopback, 0), LaneToken.NewClusterKey()), wire);
        var other = new NodeAddress("other", "127.0.0.1:9");
        var starting = Task.Run(() => node.StartJob(cluster.Job(SameBitsTests.Job("mlp", "adam", 0.5), shards: 1), cluster.Register, resume: false, [other]));
        try
        {
            await wire.Reached.WaitAsync(InMemoryCluster.Patience);
            await Task.Run(() => node.Receive(new ControlMessage { Job = "another", From = other })).WaitAsync(InMemoryCluster.Patience);
            Assert.False(starting.IsCompleted);
        }
        finally
        {
            wire.Let();
            await starting.WaitAsync(InMemoryCluster.Patience);
        }
    }

    // Whoever sends waits.
    private sealed class HeldWire : IControlWire, IDisposable
    {
        private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly ManualResetEventSlim _let = new();

        public Task Reached => _reached.Task;

        public void Let() => _let.Set();

        public void Send(string node, ControlMessage message)
        {
            _reached.TrySetResult();
            _let.Wait();
        }

        public void Dispose() => _let.Dispose();
    }

    internal static async Task<JobOutcome> Train(InMemoryCluster cluster, ClusterJob job, int nodes, int workers)
    {
        for (var n = 0; n < nodes; n++) cluster.Add();
        var all = cluster.Nodes;
        var hosted = all[0].StartJob(job, cluster.Register, resume: false, [.. all.Select(n => n.Address)]);
        for (var s = 0; s < job.Options.Shards; s++)
            for (var n = 0; n < nodes; n++) all[n].StartSeat(job, all[0].Address, s * nodes + n);
        for (var w = 0; w < workers; w++) all[w % nodes].StartWorker(job, all[0].Address, w);
        return await hosted.Outcome.WaitAsync(InMemoryCluster.Patience);
    }
}
