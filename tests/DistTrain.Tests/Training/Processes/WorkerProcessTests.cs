using System.Diagnostics;
using DistTrain.Training;

namespace DistTrain.Tests.Training;

/// <summary>Workers as processes of this machine: the same bits, whoever is killed.</summary>
public sealed class WorkerProcessTests
{
    private static RunOptions Options(int processes, int shards = 2) =>
        new() { Processes = processes, Shards = shards, ComputeThreads = 1, WorkerLaunch = TestProgram.Launch("worker") };

    [Theory]
    [InlineData("mlp", 1, 2)]
    [InlineData("convnet", 3, 5)]
    public async Task Worker_processes_do_not_change_bits_and_leave_nothing_behind(string model, int processes, int shards)
    {
        var job = SameBitsTests.Job(model, "adam", 0.5);
        EmbeddedCluster? cluster = null;
        var seen = new HashSet<int>();
        cluster = new EmbeddedCluster(job.With(_ => seen.UnionWith(cluster!.ProcessIds.Values)), Options(processes, shards));
        using var running = cluster;
        var result = await cluster.RunAsync();
        SameBitsTests.AssertSame(SameBitsTests.Oracle(job), result);
        Assert.Equal(processes, seen.Count);
        Assert.All(seen, id => Assert.Throws<ArgumentException>(() => Process.GetProcessById(id)));
    }

    [Fact]
    public async Task Killed_processes_are_replaced_and_do_not_change_bits()
    {
        var job = SameBitsTests.Job("mlp", "adam", 0.5, epochs: 12);
        EmbeddedCluster? cluster = null;
        var killed = 0;
        cluster = new EmbeddedCluster(job.With(step =>
        {
            // The replacement may still be starting: then the next step is the one that kills.
            if (step < 15 * (killed + 1) || killed == 3 || cluster!.ProcessIds.Values.ToList() is not [var id, ..]) return;
            using var victim = Process.GetProcessById(id);
            victim.Kill();
            killed++;
        }), Options(2));
        using var _ = cluster;
        var result = await cluster.RunAsync();
        Assert.Equal(3, killed);
        SameBitsTests.AssertSame(SameBitsTests.Oracle(job), result);
        Assert.Contains(result.Warnings, w => w.Contains("ended with exit code 137", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_worker_that_ends_while_it_is_being_started_ends_the_run_not_the_program()
    {
        // Ends within a millisecond: often before its order is written, so before the parent has made anything of it.
        var gone = OperatingSystem.IsWindows() ? new WorkerLaunch("cmd", ["/c", "exit 3"]) : new WorkerLaunch("sh", ["-c", "exit 3"]);
        var job = SameBitsTests.Job("mlp", "adam", 0.5);
        for (var run = 0; run < 5; run++)
        {
            using var cluster = new EmbeddedCluster(job, Options(3) with { WorkerLaunch = gone });
            var result = await cluster.RunAsync();
            Assert.Equal(TrainingStatus.Failed, result.Status);
            Assert.Contains("ended with exit code 3", result.Error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_worker_that_cannot_start_ends_the_run_with_what_it_wrote()
    {
        var job = SameBitsTests.Job("mlp", "adam", 0.5) with { Document = "mlp adam notANumber 3" };
        using var cluster = new EmbeddedCluster(job, Options(1));
        var result = await cluster.RunAsync();
        Assert.Equal(TrainingStatus.Failed, result.Status);
        Assert.Contains("ended before they had computed anything", result.Error, StringComparison.Ordinal);
        Assert.Contains("notANumber", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_worker_whose_job_differs_is_refused_by_name()
    {
        var job = SameBitsTests.Job("mlp", "adam", 0.5) with { Document = "mlp sgd 0.5 3" };
        using var cluster = new EmbeddedCluster(job, Options(1));
        var result = await cluster.RunAsync();
        Assert.Equal(TrainingStatus.Failed, result.Status);
        Assert.Contains("the worker's job is not this job", result.Error, StringComparison.Ordinal);
    }
}
