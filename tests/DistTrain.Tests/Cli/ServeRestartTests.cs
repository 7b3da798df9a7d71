using System.Diagnostics;
using DistTrain.Client;
using DistTrain.Contracts;
using DistTrain.Tests.Training;

namespace DistTrain.Tests.Cli;

/// <summary>disttrain serve as a process of its own, killed and started again.</summary>
public sealed class ServeRestartTests : CommandFixture
{
    private const string Spec = """
        apiVersion: disttrain/v1
        kind: TrainingJob
        metadata: { name: NAME }
        spec:
          data: { format: { digits: { train: 320, test: 60 } } }
          model: { mlp: { hidden: [32] } }
          training: { epochs: EPOCHS, batchSize: 32, evaluateEvery: 5 }
          cluster: { computeThreads: 1 }
        """;

    [Fact]
    public async Task After_kill_9_ended_jobs_are_listed_as_they_ended_and_unfinished_ones_go_on_to_the_same_bits_for_a_viewer_without_a_gap()
    {
        var first = await Serve.StartAsync(Runs, "127.0.0.1:0");
        await using var client = new DistTrainClient(new DistTrainClientOptions { Server = new Uri(first.Link) }) { KeepTrying = true };
        var done = await client.SubmitAsync(Of("done", 2), [], "done-once");
        var ended = await done.SucceedAsync();
        var long_ = await client.SubmitAsync(Of("long", 300), [], "long-once");
        var waiting = await client.SubmitAsync(Of("waiting", 3), []);

        var (seen, second) = (new List<MetricPoint>(), (Serve?)null);
        await foreach (var point in long_.WatchAsync())
        {
            seen.Add(point);
            // Two checkpoints are there by the third epoch.
            if (second is not null || point.Step < 35) continue;
            await first.KillAsync();
            second = await Serve.StartAsync(Runs, new Uri(first.Link).Authority, first.Link);
        }
        Assert.Contains("keeps 3 jobs of earlier servers", second!.Said, StringComparison.Ordinal);
        Assert.Equal(Enumerable.Range(1, seen.Count).Select(i => (long)i), seen.Select(p => p.Sequence));
        Assert.Equal((3000L, 3000 + 600), (seen[^1].Step, seen.Count));
        var result = await long_.SucceedAsync();
        var alone = (await Run("train", Write("long.yaml", Of("long", 300)), "--runs", Runs, "--set", "name=alone", "-o", "json")).Json;
        Assert.Equal(((string)alone["weightsSha256"]!, (string)alone["stateSha256"]!, (string)alone["lossLogSha256"]!), (result.WeightsSha256, result.StateSha256, result.LossLogSha256));
        // What was told and not yet written when the server was killed is computed again: its time counts from what was written, so it may step back once, there.
        Assert.InRange(seen.Zip(seen.Skip(1)).Count(p => p.Second.Seconds < p.First.Seconds), 0, 1);

        // What had ended is as it was, whole.
        Assert.Equal(ended, await done.StatusAsync());
        Assert.Contains("name: done", await done.SpecAsync(), StringComparison.Ordinal);
        Assert.Equal(20 + 4, (await client.MetricPageAsync(done.Id, 0)).Points.Count);
        Assert.Contains((await client.EventPageAsync(done.Id, 0)).Events, e => e.Kind == "ended" && e.Text.Contains(ended.WeightsSha256, StringComparison.Ordinal));
        Assert.NotEmpty(await done.CheckpointsAsync());
        Assert.Equal(ended.Verdict, (await done.DiagnoseAsync()).Name);
        Assert.Equal(done.Id, (await client.SubmitAsync(Of("done", 2), [], "done-once")).Id);
        Assert.Equal(ClusterError.Conflict, (await Assert.ThrowsAsync<ClusterException>(() => client.SubmitAsync(Of("other", 2), [], "done-once"))).Error);
        Assert.Equal(JobStates.Succeeded, (await waiting.WaitAsync()).State);
        Assert.Equal([waiting.Id, long_.Id, done.Id], (await client.ListAsync()).Select(j => j.Job));

        // Stopped in order it says nothing else: a third one finds all of it ended.
        await second.StopAsync();
        await using var third = await Serve.StartAsync(Runs, "127.0.0.1:0");
        Assert.Contains("keeps 3 jobs of earlier servers; all have ended", third.Said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stopped_in_order_a_job_rests_at_a_checkpoint_and_goes_on_with_the_next_server()
    {
        var first = await Serve.StartAsync(Runs, "127.0.0.1:0");
        using var client = new DistTrainClient(new DistTrainClientOptions { Server = new Uri(first.Link) });
        var job = await client.SubmitAsync(Of("rests", 400), []);
        await foreach (var point in job.WatchAsync())
            if (point.Step > 30) break;
        await first.StopAsync();
        await using var second = await Serve.StartAsync(Runs, "127.0.0.1:0");
        using var again = new DistTrainClient(new DistTrainClientOptions { Server = new Uri(second.Link) });
        var status = await new TrainingJob(again, job.Id, job.Name).SucceedAsync();
        Assert.Equal(4000, status.Step);
        var texts = (await again.EventPageAsync(job.Id, 0)).Events.Select(e => e.Text).ToArray();
        Assert.Contains(texts, t => t.Contains("goes on from its newest checkpoint", StringComparison.Ordinal));
        Assert.Single(texts, t => t.StartsWith("the job has ", StringComparison.Ordinal));
    }

    private static string Of(string name, int epochs) => Spec.Replace("NAME", name, StringComparison.Ordinal).Replace("EPOCHS", $"{epochs}", StringComparison.Ordinal);

    /// <summary>One process that serves.</summary>
    private sealed class Serve : IAsyncDisposable
    {
        private readonly Process _process;
        private readonly System.Text.StringBuilder _said = new();

        private Serve(Process process)
        {
            _process = process;
            process.ErrorDataReceived += (_, line) =>
            {
                lock (_said) _said.AppendLine(line.Data);
            };
            process.BeginErrorReadLine();
        }

        public string Link { get; private set; } = "";

        public string Said
        {
            get { lock (_said) return _said.ToString(); }
        }

        /// <param name="like">A link whose token it takes.</param>
        public static async Task<Serve> StartAsync(string runs, string listen, string? like = null)
        {
            var start = new ProcessStartInfo(TestProgram.Launch().FileName) { RedirectStandardOutput = true, RedirectStandardError = true };
            foreach (var argument in new[] { "exec", Path.Combine(AppContext.BaseDirectory, "disttrain.dll"), "serve", "--listen", listen, "--runs", runs, "-o", "json" }) start.ArgumentList.Add(argument);
            if (like is not null) start.Environment["DISTTRAIN_TOKEN"] = like.Split("#token=")[1];
            var serve = new Serve(Process.Start(start)!);
            var line = await serve._process.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(60));
            Assert.True(line is not null, serve.Said);
            serve.Link = (string)System.Text.Json.Nodes.JsonNode.Parse(line!)!["link"]!;
            return serve;
        }

        public async Task KillAsync()
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }

        public async Task StopAsync()
        {
            using (var kill = Process.Start("kill", $"-TERM {_process.Id}")) await kill.WaitForExitAsync();
            await _process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
            Assert.Equal(0, _process.ExitCode);
        }

        public async ValueTask DisposeAsync() => await KillAsync();
    }
}
