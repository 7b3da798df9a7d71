using DistTrain.Contracts;
using DistTrain.Cluster.Tests.Training;
using DistTrain.Training;

namespace DistTrain.Cluster.Tests.Processes;

/// <summary>A gateway and three silos as processes, kill -9 of one, then of all: the digits job has the embedded run's bits.</summary>
public sealed class KillTests
{
    private static readonly Lazy<Task<TrainingResult>> _embedded = new(() => TrainingCluster.EmbeddedAsync(TrainingCluster.Digits));

    public static TheoryData<string> Stores => PostgresServer.IsHere ? ["folder", "postgresql"] : ["folder"];

    [Theory, MemberData(nameof(Stores))]
    public async Task Silos_that_are_killed_one_and_then_all_change_no_bit(string store)
    {
        using var folder = new TemporaryFolder();
        await using var postgres = store == "postgresql" ? await PostgresServer.StartAsync() : null;
        await using var cluster = new ClusterProcesses(folder.Path) { Postgres = postgres?.Connection ?? "" };
        await cluster.StartAsync(3);
        var job = (await cluster.Client.SubmitAsync(TrainingCluster.Submission($"killed-{Guid.NewGuid():N}", [.. TrainingCluster.Digits, "checkpoint.every=100steps"]))).Job;

        await cluster.WholeAsync(job, 10);
        var primary = (await cluster.Client.MembersAsync(job)).Shards[0].Primary;
        await cluster.KillAsync(cluster.Silos.Single(s => s.Node == primary));
        await cluster.StartSiloAsync();
        await cluster.WholeAsync(job, 250);
        var before = await cluster.Client.GetAsync(job);
        await cluster.KillAllAsync();

        await cluster.StartAsync(2);
        var end = await cluster.EndAsync(job);
        Assert.False(JobStates.IsEnd(before.State), $"the job had ended before everything was killed, at step {before.Step}");
        await SameAsync(end);
        Assert.NotEmpty(end.Verdict);
        var steps = new List<long>();
        await foreach (var point in cluster.Client.MetricsAsync(job))
            if (point.Kind == "step") steps.Add(point.Step);
        Assert.Equal(Enumerable.Range(1, (int)end.TotalSteps).Select(s => (long)s), steps);
    }

    [Fact]
    public async Task A_silo_whose_process_stands_still_for_a_while_takes_nobody_for_lost()
    {
        using var folder = new TemporaryFolder();
        await using var cluster = new ClusterProcesses(folder.Path);
        await cluster.StartAsync(2);
        var job = (await cluster.Client.SubmitAsync(TrainingCluster.Submission("stopped", TrainingCluster.Digits))).Job;
        await cluster.WholeAsync(job, 10);
        var holder = cluster.HolderOf(job);
        var before = await cluster.Client.GetAsync(job);
        holder.Program.Signal("STOP");
        await Task.Delay(ClusterJob.Network.Silence * 2);
        holder.Program.Signal("CONT");
        var end = await cluster.EndAsync(job);

        Assert.False(JobStates.IsEnd(before.State));
        await SameAsync(end);
        var kinds = new List<string>();
        await foreach (var happened in cluster.Client.EventsAsync(job)) kinds.Add(happened.Kind);
        Assert.Contains("schedulerStalled", kinds);
        Assert.DoesNotContain("restored", kinds);
    }

    private static async Task SameAsync(JobStatus end)
    {
        var embedded = await _embedded.Value;
        Assert.True(end.State == JobStates.Succeeded, $"{end.State} after step {end.Step}: {end.Reason}");
        Assert.Equal(embedded.WeightsSha256, end.WeightsSha256);
        Assert.Equal(embedded.StateSha256, end.StateSha256);
        Assert.Equal(embedded.LossLogSha256, end.LossLogSha256);
    }
}
