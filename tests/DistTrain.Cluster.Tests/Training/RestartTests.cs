using DistTrain.Contracts;

namespace DistTrain.Cluster.Tests.Training;

/// <summary>All silos die at once; a new cluster, whose membership knows nothing of them, goes on in their folder.</summary>
public sealed class RestartTests
{
    [Fact]
    public async Task A_new_cluster_in_the_folder_of_one_that_was_killed_finishes_its_job_with_the_same_bits()
    {
        var embedded = await TrainingCluster.EmbeddedAsync(TrainingCluster.Digits);
        await using var killed = await TrainingCluster.StartAsync(2);
        var job = (await killed.Client.SubmitAsync(TrainingCluster.Submission("all-killed", TrainingCluster.Digits))).Job;
        await killed.CommittedAsync(job, 10);
        foreach (var silo in killed.Silos.Silos.ToArray()) await killed.Silos.KillSiloAsync(silo);

        await using var restarted = await TrainingCluster.StartAsync(2, kept: killed.Folder);
        var end = await restarted.EndAsync(job);
        Assert.True(end.State == JobStates.Succeeded, $"{end.State} after step {end.Step}: {end.Reason}");
        Assert.Equal(embedded.WeightsSha256, end.WeightsSha256);
    }
}
