using System.Diagnostics;
using System.Text.Json;
using DistTrain.Training;

namespace DistTrain.Tests.Training;

/// <summary>Stopping, crashing and going on give the bits of a run that was left alone.</summary>
public sealed class ResumeTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("disttrain").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("mlp", "momentum", 1, 2)]
    [InlineData("convnet", "adam", 3, 1)]
    [InlineData("lstm", "adam", 1, 3)]
    public async Task A_cancelled_run_saves_and_goes_on_to_the_same_bits(string model, string optimizer, int shards, int shardsLater)
    {
        var job = SameBitsTests.Job(model, optimizer, 0.5, epochs: 8);
        var options = new RunOptions { Workers = 2, Shards = shards, ComputeThreads = 1, CheckpointFolder = _folder, CheckpointEvery = 5 };
        using var cancel = new CancellationTokenSource();
        using (var cluster = new EmbeddedCluster(job.With(step =>
        {
            if (step == 13) cancel.Cancel();
        }), options))
        {
            var stopped = await cluster.RunAsync(cancel.Token);
            Assert.Equal(TrainingStatus.Interrupted, stopped.Status);
            Assert.InRange(stopped.Steps, 13, 39);
            Assert.Contains($"step-{stopped.Steps:D10}", stopped.Checkpoint, StringComparison.Ordinal);
        }
        SameBitsTests.AssertSame(SameBitsTests.Oracle(job), await Resume(job, options with { Workers = 3, Shards = shardsLater }));
    }

    [Fact]
    public async Task A_finished_run_resumes_to_its_end_at_once()
    {
        var job = SameBitsTests.Job("mlp", "adam", 0.5);
        var options = new RunOptions { Workers = 2, Shards = 2, CheckpointFolder = _folder };
        using (var cluster = new EmbeddedCluster(job, options)) SameBitsTests.AssertSame(SameBitsTests.Oracle(job), await cluster.RunAsync());
        var again = await Resume(job, options);
        SameBitsTests.AssertSame(SameBitsTests.Oracle(job), again);
        Assert.Equal(0, again.StepsThisRun);
    }

    [Fact]
    public async Task A_damaged_newest_checkpoint_is_named_and_the_one_before_it_restored()
    {
        var job = SameBitsTests.Job("mlp", "adam", 0.5);
        var options = new RunOptions { Workers = 2, Shards = 2, CheckpointFolder = _folder, CheckpointEvery = 4, KeepBest = KeepBest.None };
        using (var cluster = new EmbeddedCluster(job, options)) await cluster.RunAsync();
        var newest = Directory.GetFiles(_folder, "*shard-0-of-2.safetensors").Order(StringComparer.Ordinal).Last();
        var bytes = await File.ReadAllBytesAsync(newest);
        bytes[bytes.Length / 2] ^= 4;
        await File.WriteAllBytesAsync(newest, bytes);
        var feed = new RunFeed();
        var result = await Resume(job, options, feed);
        SameBitsTests.AssertSame(SameBitsTests.Oracle(job), result);
        Assert.True(result.StepsThisRun > 0);
        var said = new List<string>();
        await foreach (var record in feed.Records.ReadAllAsync())
            if (record.Text is not null) said.Add(record.Text);
        Assert.Contains(said, text => text.Contains(Path.GetFileName(newest), StringComparison.Ordinal));
    }

    [Fact]
    public async Task Checkpoints_of_another_job_are_not_gone_on_from()
    {
        var options = new RunOptions { Workers = 1, Shards = 1, CheckpointFolder = _folder };
        using (var cluster = new EmbeddedCluster(SameBitsTests.Job("mlp", "adam", 0.5), options)) await cluster.RunAsync();
        var result = await Resume(SameBitsTests.Job("mlp", "sgd", 0.5), options);
        Assert.Equal(TrainingStatus.Failed, result.Status);
        Assert.Contains("none of them is of this job", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_full_disk_leaves_training_running_and_the_last_good_checkpoint_intact()
    {
        var job = SameBitsTests.Job("mlp", "adam", 0.5, epochs: 6);
        var disk = new CrashingFileSystem { FullAfterManifest = true };
        using var cluster = new EmbeddedCluster(job, new RunOptions { Workers = 2, Shards = 2, CheckpointFolder = "run", CheckpointEvery = 3, KeepLast = 100 }, null, disk, TimeProvider.System);
        var result = await cluster.RunAsync();
        Assert.Equal((job.TotalSteps, SameBitsTests.Oracle(job).WeightsSha256), (result.Steps, result.WeightsSha256));
        Assert.Contains(result.Warnings, w => w.Contains("No space left on device", StringComparison.Ordinal));
        var store = new CheckpointStore(disk, "run");
        Assert.NotEmpty(store.Manifests());
        Assert.All(store.Manifests(), m => Assert.Empty(store.Verify(m)));
        Assert.NotNull(store.RestoreNewest(job, []));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public async Task After_kill_minus_9_of_the_whole_run_it_goes_on_to_the_same_bits(int processes)
    {
        var job = SameBitsTests.Job("mlp", "adam", 0.5, epochs: 60);
        var options = new RunOptions { Workers = 2, Shards = 2, Processes = processes, ComputeThreads = 1, CheckpointFolder = _folder, CheckpointEvery = 10 };
        using (var victim = Start(job with { Document = job.Document + " slow" }, options))
        {
            // A manifest that is there is whole; the run is somewhere behind it.
            using var watcher = new FileSystemWatcher(_folder, "*.manifest.json");
            using var published = new SemaphoreSlim(0);
            watcher.Created += (_, _) => published.Release();
            watcher.EnableRaisingEvents = true;
            for (var i = 0; i < 2; i++) Assert.True(await published.WaitAsync(TimeSpan.FromSeconds(60)), "no checkpoint within 60 s");
            victim.Kill();
            await victim.WaitForExitAsync();
        }
        Assert.True(new CheckpointStore(new DiskFileSystem(), _folder).RestoreNewest(job, [])!.Manifest.Step < job.TotalSteps, "the run had ended before it was killed");
        using var again = Start(job, options with { Resume = true });
        var line = await again.StandardOutput.ReadLineAsync();
        await again.WaitForExitAsync();
        var result = JsonSerializer.Deserialize<ChildResult>(line!)!;
        var oracle = SameBitsTests.Oracle(job);
        Assert.Equal(("Completed", oracle.WeightsSha256, oracle.StateSha256, oracle.LossLogSha256), (result.Status, result.WeightsSha256, result.StateSha256, result.LossLogSha256));
        Assert.InRange(result.StepsThisRun, 1, job.TotalSteps - 10);
    }

    private static async Task<TrainingResult> Resume(ResolvedJob job, RunOptions options, RunFeed? feed = null)
    {
        using var cluster = new EmbeddedCluster(job, options with { Resume = true }, feed);
        return await cluster.RunAsync();
    }

    private static Process Start(ResolvedJob job, RunOptions options)
    {
        var launch = TestProgram.Launch("run", job.Document, JsonSerializer.Serialize(options));
        var start = new ProcessStartInfo(launch.FileName) { RedirectStandardOutput = true };
        foreach (var argument in launch.Arguments) start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }
}
