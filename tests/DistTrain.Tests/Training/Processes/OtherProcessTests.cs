using System.Diagnostics;
using System.Text.Json;
using DistTrain.Training;

namespace DistTrain.Tests.Training;

/// <summary>What only shows in a process of its own.</summary>
public sealed class OtherProcessTests
{
    [Theory]
    [InlineData("mlp")]
    [InlineData("convnet")]
    public async Task Without_AVX_512_the_bits_are_the_same(string model)
    {
        var job = SameBitsTests.Job(model, "adam", 0.5);
        var options = JsonSerializer.Serialize(new RunOptions { Workers = 2, Shards = 2, ComputeThreads = 1 });
        var result = await Run(TestProgram.Launch("run", job.Document, options) with { Environment = new Dictionary<string, string> { ["DOTNET_EnableAVX512"] = "0" } });
        Assert.False(result.Vector512, "AVX-512 is still on in the child: DOTNET_EnableAVX512=0 had no effect");
        Assert.Equal("Vector256", result.InstructionSet);
        var oracle = SameBitsTests.Oracle(job);
        Assert.Equal((oracle.WeightsSha256, oracle.StateSha256, oracle.LossLogSha256), (result.WeightsSha256, result.StateSha256, result.LossLogSha256));
    }

    [Fact]
    public async Task Worker_processes_end_when_their_parent_is_killed()
    {
        var folder = Directory.CreateTempSubdirectory("disttrain").FullName;
        try
        {
            using var published = new SemaphoreSlim(0);
            using var watcher = new FileSystemWatcher(folder, "*.manifest.json");
            watcher.Created += (_, _) => published.Release();
            watcher.EnableRaisingEvents = true;
            var options = JsonSerializer.Serialize(new RunOptions { Processes = 2, Shards = 1, ComputeThreads = 1, CheckpointFolder = folder, CheckpointEvery = 3 });
            using var parent = Start(TestProgram.Launch("run", "mlp adam 0.5 1000 slow", options));
            Assert.True(await published.WaitAsync(TimeSpan.FromSeconds(60)), "no step within 60 s");
            var children = Children(parent.Id);
            Assert.Equal(2, children.Count);
            parent.Kill();
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
            foreach (var child in children)
            {
                using (child) await child.WaitForExitAsync(patience.Token);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // Linux: the fourth word of /proc/ID/stat is the parent. Elsewhere there is nothing to look at, and the test shows that it says so.
    private static List<Process> Children(int parent)
    {
        Assert.True(OperatingSystem.IsLinux(), "children are found through /proc, which only Linux has");
        var children = new List<Process>();
        foreach (var process in Process.GetProcesses())
        {
            try
            {
                var stat = File.ReadAllText($"/proc/{process.Id}/stat");
                if (stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[1] == $"{parent}") children.Add(process);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It ended while we looked.
            }
        }
        return children;
    }

    internal static async Task<ChildResult> Run(WorkerLaunch launch)
    {
        using var process = Start(launch);
        var line = await process.StandardOutput.ReadLineAsync();
        await process.WaitForExitAsync();
        return JsonSerializer.Deserialize<ChildResult>(line ?? throw new InvalidOperationException($"the child said nothing and ended with {process.ExitCode}"))!;
    }

    private static Process Start(WorkerLaunch launch)
    {
        var start = new ProcessStartInfo(launch.FileName) { RedirectStandardOutput = true };
        foreach (var argument in launch.Arguments) start.ArgumentList.Add(argument);
        foreach (var (name, value) in launch.Environment) start.Environment[name] = value;
        return Process.Start(start)!;
    }
}
