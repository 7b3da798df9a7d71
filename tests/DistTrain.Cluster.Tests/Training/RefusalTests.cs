using DistTrain.Contracts;
using DistTrain.Grains;
using DistTrain.Training.Specs;
using Microsoft.Extensions.DependencyInjection;

namespace DistTrain.Cluster.Tests.Training;

/// <summary>What a cluster refuses, and that it keeps nothing of it.</summary>
public sealed class RefusalTests
{
    [Fact]
    public async Task Names_that_are_no_job_devices_that_no_silo_has_and_data_outside_leave_nothing_behind()
    {
        await using var cluster = await TrainingCluster.StartAsync(1);
        var store = cluster.Silos.Silos[0].ServiceProvider.GetRequiredService<IClusterStore>();
        foreach (var name in Enumerable.Range(0, 20).Select(i => $"nothing-{i}"))
        {
            Assert.Equal(ClusterError.NotFound, (await Assert.ThrowsAsync<ClusterException>(() => cluster.Client.GetAsync(name))).Error);
            Assert.Equal(ClusterError.NotFound, (await Assert.ThrowsAsync<ClusterException>(() => cluster.Client.StopAsync(name, "stop"))).Error);
            await Assert.ThrowsAsync<ClusterException>(() => cluster.Client.DiagnoseAsync(name));
        }

        var device = await Assert.ThrowsAsync<ClusterException>(() => cluster.Client.SubmitAsync(TrainingCluster.Submission("gpu", "cluster.device=gpu:0")));
        Assert.Equal(ClusterError.Invalid, device.Error);
        Assert.Equal("cluster.device is gpu:0, which no silo of this cluster has. There are cpu (silo). Choose one of these or auto, or start a silo with --device gpu:0 and submit again.", device.Message);

        var outside = Directory.CreateTempSubdirectory("disttrain-outside").FullName;
        var link = Path.Combine(Directory.GetCurrentDirectory(), $"link-{Guid.NewGuid():N}");
        Directory.CreateSymbolicLink(link, outside);
        try
        {
            foreach (var path in new[] { "../../../../../../../../../../etc", "/etc", Path.GetFileName(link) })
            {
                var file = JobFile.BuiltIn().Spec;
                var escaping = await Assert.ThrowsAsync<ClusterException>(() => cluster.Client.SubmitAsync(new JobSubmission($"escape-{Guid.NewGuid():N}", SpecWriter.ToYaml(file), ["data.format=idx", $"data.path={path}"])));
                Assert.Equal(ClusterError.Invalid, escaping.Error);
                Assert.Contains("data", escaping.Message, StringComparison.Ordinal);
                Assert.DoesNotContain(outside, escaping.Message, StringComparison.Ordinal);
            }
        }
        finally
        {
            Directory.Delete(link);
            Directory.Delete(outside, recursive: true);
        }

        Assert.Empty(await cluster.Client.ListAsync());
        foreach (var kind in new[] { StoreKind.Holder, StoreKind.Job, StoreKind.Open, StoreKind.Submission, StoreKind.Register, StoreKind.Places, StoreKind.End }) Assert.Empty(await store.ListAsync(kind, CancellationToken.None));
    }

    [Fact]
    public async Task Members_say_the_device_that_auto_came_to_and_an_ended_job_its_verdict()
    {
        await using var cluster = await TrainingCluster.StartAsync(1);
        var job = (await cluster.Client.SubmitAsync(TrainingCluster.Submission("resolved", TrainingCluster.Digits))).Job;
        await cluster.CommittedAsync(job, 5);
        Assert.All((await cluster.Client.MembersAsync(job)).Workers, worker => Assert.Equal("cpu", worker.Device));
        var end = await cluster.EndAsync(job);
        Assert.Equal((await cluster.Client.DiagnoseAsync(job)).Name, end.Verdict);
    }
}
