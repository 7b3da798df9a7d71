using DistTrain.Client;
using DistTrain.Contracts;
using DistTrain.Grains;
using Microsoft.Extensions.DependencyInjection;
using Orleans;

namespace DistTrain.Cluster.Tests.Training;

/// <summary>A gateway keeps nothing and reaches no folder of the silos'.</summary>
public sealed class GatewayTests
{
    [Fact]
    public async Task A_job_that_has_ended_shows_all_its_metrics_through_a_gateway_that_does_not_reach_its_checkpoints()
    {
        static IClusterStore Store(string folder) => new FolderStore(Path.Combine(folder, "store"));
        await using var first = await TrainingCluster.StartAsync(1, store: Store);
        var job = (await first.Client.SubmitAsync(TrainingCluster.Submission("seen-later", "training.epochs=1"))).Job;
        var end = await first.EndAsync(job);
        Assert.True(end.State == JobStates.Succeeded, $"{end.State}: {end.Reason}");
        foreach (var silo in first.Silos.Silos.ToArray()) await first.Silos.KillSiloAsync(silo);

        var elsewhere = Path.Combine(first.Folder, "elsewhere");
        await using var second = await TrainingCluster.StartAsync(2, store: Store, kept: first.Folder, gatewayState: elsewhere);
        var gateway = second.Silos.Silos.Single(s => s.ServiceProvider.GetRequiredService<SiloNode>().Node is null);
        var cluster = new OrleansTrainingCluster(gateway.ServiceProvider.GetRequiredService<IGrainFactory>());
        var steps = new List<long>();
        await foreach (var point in cluster.MetricsAsync(job).WithCancellation(new CancellationTokenSource(TrainingCluster.Limit).Token))
            if (point.Kind == "step") steps.Add(point.Step);
        Assert.Equal(Enumerable.Range(1, (int)end.Step).Select(s => (long)s), steps);
        Assert.Equal(JobStates.Succeeded, (await cluster.GetAsync(job)).State);
        Assert.False(Directory.Exists(elsewhere));
    }
}
