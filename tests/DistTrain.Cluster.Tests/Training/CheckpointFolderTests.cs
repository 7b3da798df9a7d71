using DistTrain.Contracts;
using DistTrain.Grains;
using DistTrain.Training;
using DistTrain.Training.Specs;

namespace DistTrain.Cluster.Tests.Training;

/// <summary>A spec may say where its checkpoints go; not into those of others, and not out of the state folder.</summary>
public sealed class CheckpointFolderTests
{
    [Theory, InlineData("jobs"), InlineData("jobs/other-01234567/checkpoints"), InlineData("store/register"), InlineData("./store"), InlineData("a/../Jobs/b")]
    public void The_clusters_own_folders_are_refused(string path)
    {
        var refused = Assert.Throws<SpecException>(() => JobResolver.Read(TrainingCluster.Submission("own", $"checkpoint.path={path}")));
        Assert.Contains($"spec.checkpoint.path is {path}. ", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Jobs_that_name_one_folder_keep_each_its_own_checkpoints_and_a_link_out_of_it_is_refused()
    {
        await using var cluster = await TrainingCluster.StartAsync(1);
        string[] spec = ["training.epochs=1", "checkpoint.path=shared/here", "checkpoint.every=5steps", "checkpoint.keep.last=1"];
        var jobs = await Task.WhenAll(cluster.Client.SubmitAsync(TrainingCluster.Submission("one", spec)), cluster.Client.SubmitAsync(TrainingCluster.Submission("two", spec)));
        var ends = new List<JobStatus>();
        foreach (var job in jobs) ends.Add(await cluster.EndAsync(job.Job));
        Assert.All(ends, e => Assert.True(e.State == JobStates.Succeeded, $"{e.State}: {e.Reason}"));
        Assert.Equal(ends[0].WeightsSha256, ends[1].WeightsSha256);
        foreach (var end in ends)
        {
            var folder = Path.Combine(cluster.Folder, "shared", "here", end.Job);
            var checkpoints = await cluster.Client.CheckpointsAsync(end.Job);
            Assert.Contains(checkpoints, c => c.Step == end.Step);
            Assert.All(checkpoints, c => Assert.Equal(folder, Path.GetDirectoryName(c.Manifest)));
            Assert.All(checkpoints, c => Assert.Empty(new CheckpointStore(new DiskFileSystem(), folder).Verify(Path.GetFileName(c.Manifest))));
        }

        Directory.CreateSymbolicLink(Path.Combine(cluster.Folder, "out"), Path.GetTempPath());
        var refused = await Assert.ThrowsAsync<ClusterException>(() => cluster.Client.SubmitAsync(TrainingCluster.Submission("three", "checkpoint.path=out/here")));
        Assert.Contains("spec.checkpoint.path is out/here. It must stay in the silos' state folder", refused.Message, StringComparison.Ordinal);
    }
}
