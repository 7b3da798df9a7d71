using System.Diagnostics;
using System.Globalization;
using DistTrain.Training;

namespace DistTrain.Tests.Training;

/// <summary>Worker processes that neither work nor end: nobody waits for them for long, and the bits stay the same.</summary>
/// <remarks>A process is stopped as <c>kill -STOP</c> stops it, which Linux has; elsewhere these tests have nothing to do.</remarks>
public sealed class SilentProcessTests
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(45);

    [LinuxTheory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task A_stopped_process_costs_its_lease_alone(int processes)
    {
        var job = SameBitsTests.Job("mlp", "adam", 0.5, epochs: 4);
        EmbeddedCluster? cluster = null;
        var seen = new HashSet<int>();
        var stopped = 0;
        cluster = new EmbeddedCluster(job.With(step =>
        {
            seen.UnionWith(cluster!.ProcessIds.Values);
            if (step < 5 || stopped != 0 || cluster.ProcessIds.Values.ToList() is not [var id, ..]) return;
            stopped = id;
            Stop(id);
        }), new RunOptions { Processes = processes, ComputeThreads = 1, WorkerLaunch = TestProgram.Launch("worker"), WorkerSilence = TimeSpan.FromSeconds(1.5) });
        using (cluster)
        {
            var result = await cluster.RunAsync().WaitAsync(_patience);
            Assert.NotEqual(0, stopped);
            SameBitsTests.AssertSame(SameBitsTests.Oracle(job), result);
            if (processes == 1) Assert.Contains(result.Warnings, w => w.Contains($"(process {stopped}) said nothing for 1.", StringComparison.Ordinal) && w.Contains("killed", StringComparison.Ordinal));
            Assert.All(seen, id => Assert.Throws<ArgumentException>(() => Process.GetProcessById(id)));
        }
    }

    [LinuxFact]
    public async Task Stopping_a_run_does_not_wait_for_a_stopped_process()
    {
        using var cancelling = new CancellationTokenSource();
        EmbeddedCluster? cluster = null;
        cluster = new EmbeddedCluster(SameBitsTests.Job("mlp", "adam", 0.5, epochs: 4000).With(step =>
        {
            if (step != 5) return;
            foreach (var id in cluster!.ProcessIds.Values) Stop(id);
            cancelling.Cancel();
        }), new RunOptions { Processes = 2, ComputeThreads = 1, WorkerLaunch = TestProgram.Launch("worker") });
        using (cluster)
        {
            var result = await cluster.RunAsync(cancelling.Token).WaitAsync(_patience, CancellationToken.None);
            Assert.Equal((TrainingStatus.Interrupted, true), (result.Status, result.Steps is 5 or 6));
        }
    }

    [LinuxTheory]
    [InlineData(3, 60)]
    [InlineData(1, 6)]
    public async Task A_process_that_stops_before_it_is_ready_holds_up_nobody_else(int processes, int startSeconds)
    {
        var job = SameBitsTests.Job("mlp", "adam", 0.5);
        var folder = Directory.CreateTempSubdirectory("disttrain").FullName;
        try
        {
            var worker = TestProgram.Launch("worker");
            // The first that comes stops itself before it has become a worker.
            var launch = new WorkerLaunch("sh", ["-c", "if mkdir \"$0/first\" 2> /dev/null; then kill -STOP $$; fi; exec \"$@\"", folder, worker.FileName, .. worker.Arguments]);
            using var cluster = new EmbeddedCluster(job, new RunOptions { Processes = processes, ComputeThreads = 1, WorkerLaunch = launch, WorkerStart = TimeSpan.FromSeconds(startSeconds) });
            var result = await cluster.RunAsync().WaitAsync(_patience);
            SameBitsTests.AssertSame(SameBitsTests.Oracle(job), result);
            if (processes > 1) return;
            Assert.Contains(result.Warnings, w => w.Contains("has opened no stream for 5 s; it may take 6 s", StringComparison.Ordinal));
            Assert.Contains(result.Warnings, w => w.Contains("opened no stream within 6 s", StringComparison.Ordinal));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Stop(int id)
    {
        using var kill = Process.Start("kill", ["-STOP", id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
        Assert.Equal(0, kill.ExitCode);
    }
}
