using System.Text.Json.Nodes;
using DistTrain.Cli;
using DistTrain.Dashboard;
using DistTrain.Training;

namespace DistTrain.Tests.Cli;

/// <summary>The verbs that talk to a server, against one that trains in this process.</summary>
public sealed class ClusterVerbTests : CommandFixture, IAsyncLifetime
{
    private static readonly string[] Overrides = Small[..^2].Where((_, i) => i % 2 == 1).Append("model={mlp: {hidden: [32]}}").ToArray();

    private EmbeddedTraining _training = null!;
    private DashboardServer _server = null!;
    private string _job = "";

    public async Task InitializeAsync()
    {
        _training = new EmbeddedTraining(new EmbeddedTrainingOptions { Folder = Runs });
        _server = await DashboardServer.StartAsync(_training, new DashboardOptions());
        _job = Write("job.yaml", "apiVersion: disttrain/v1\nkind: TrainingJob\nmetadata: { name: small }\n");
    }

    public async Task DisposeAsync()
    {
        await _server.DisposeAsync();
        await _training.DisposeAsync();
    }

    private Task<Ended> Ask(params IEnumerable<string> args) => Run([.. args, "--server", _server.Link]);

    private Task<Ended> Submit(params IEnumerable<string> more) => Ask(["submit", _job, .. Overrides.SelectMany(o => new[] { "--set", o }), .. more]);

    [Theory]
    [InlineData("data.path=/etc", "spec.data.path is /etc. It must be relative and stay in the server's data folder")]
    [InlineData("data.path=../../../../etc", "spec.data.path is ../../../../etc. It must be relative")]
    [InlineData("checkpoint.path=/elsewhere", "spec.checkpoint.path is /elsewhere. It must be relative and stay in the server's own folder of runs")]
    public async Task A_submitted_spec_names_no_file_outside_the_servers_folders(string set, string problem)
    {
        var refused = await Submit("--set", set);
        Assert.NotEqual(0, refused.Code);
        Assert.Contains(problem, refused.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_submitted_job_ends_with_the_hash_of_train_and_every_verb_tells_of_it()
    {
        var waited = await Submit("--wait", "-o", "json", "--id", "once");
        Assert.Equal(0, waited.Code);
        var status = waited.Json;
        Assert.Equal(("succeeded", 20), ((string)status["state"]!, (int)status["step"]!));
        var trained = (await Train("--set", "name=trained")).Json;
        foreach (var hash in new[] { "weightsSha256", "stateSha256", "lossLogSha256" }) Assert.Equal((string)trained[hash]!, (string)status[hash]!);
        Assert.Equal((string)trained["verdict"]!, (string)status["verdict"]!);

        // The same submission again is the same job; the same id for another is refused.
        Assert.Equal((string)status["job"]!, (string)(await Submit("-o", "json", "--id", "once")).Json["job"]!);
        var other = await Submit("--id", "once", "--set", "training.epochs=3");
        Assert.Equal(ExitCode.Usage, other.Code);
        Assert.Contains("id is \"once\", under which another spec was submitted", other.Error, StringComparison.Ordinal);

        Assert.Contains("small-", (await Ask("ps")).Out, StringComparison.Ordinal);
        Assert.Single(JsonNode.Parse((await Ask("ps", "-o", "json")).Out)!.AsArray());
        Assert.Contains("(succeeded)", (await Ask("status", "small")).Out, StringComparison.Ordinal);
        Assert.Contains("it waits for nothing", (await Ask("why", "small")).Out, StringComparison.Ordinal);
        Assert.Contains("the job has succeeded after step 20, weights sha256", (await Ask("logs", "-f", "small")).Out, StringComparison.Ordinal);
        Assert.All((await Ask("events", "small", "-o", "json")).Lines, l => Assert.NotNull(JsonNode.Parse(l)!["kind"]));
        var rows = (await Ask("metrics", "small")).Lines;
        Assert.Equal(23, rows.Length);
        Assert.Equal(22, (await Ask("metrics", "small", "--format", "json")).Lines.Length);
        await MetricsAreTheSameInEveryFormat(rows);
        Assert.Contains("insufficientData", (await Ask("diagnose", "small")).Out, StringComparison.Ordinal);
        Assert.NotEmpty(JsonNode.Parse((await Ask("checkpoints", "ls", "small", "-o", "json")).Out)!.AsArray());
        Assert.Contains("name: small", (await Ask("describe", "small")).Out, StringComparison.Ordinal);
        Assert.Equal(2, (await Ask("members", "small", "-o", "json")).Json["workers"]!.AsArray().Count);
    }

    // Each cell of the CSV and each tagged value of the event file against the JSON points.
    private async Task MetricsAreTheSameInEveryFormat(string[] rows)
    {
        var points = (await Ask("metrics", "small", "--format", "json")).Lines.Select(l => JsonNode.Parse(l)!.AsObject()).ToList();
        var header = rows[0].Split(',');
        Dictionary<string, string> columns = new() { ["learning_rate"] = "learningRate", ["gradient_norm"] = "gradientNorm", ["clipped_norm"] = "clippedNorm" };
        foreach (var (row, point) in rows[1..].Zip(points))
            foreach (var (name, cell) in header.Zip(row.Split(',')).Where(c => c.First != "values"))
                Assert.Equal(cell, Text(point[columns.GetValueOrDefault(name, name)]));

        var folder = Path.Combine(Folder, "events");
        var ended = await Ask("metrics", "small", "--format", "tfevents", "--out", folder);
        var path = Assert.Single(Directory.GetFiles(folder));
        Assert.Equal((0, $"{path}: 22 points\n"), (ended.Code, ended.Out));
        Assert.StartsWith("events.out.tfevents.", Path.GetFileName(path), StringComparison.Ordinal);
        var events = EventReader.Read(path);
        Assert.Equal("brain.Event:2", events[0].Version);
        Assert.Equal(points.Count, events.Count - 1);
        foreach (var (read, point) in events.Skip(1).Zip(points))
        {
            var set = (string)point["kind"]! == "step" ? "train" : "test";
            var expected = new List<(string, string)> { ($"loss/{set}", "loss"), ($"accuracy/{set}", "accuracy") };
            if (set == "train") expected.AddRange([("learningRate", "learningRate"), ("gradientNorm/before", "gradientNorm"), ("gradientNorm/after", "clippedNorm")]);
            Assert.Equal((long)point["step"]!, read.Step);
            Assert.InRange(read.Time - events[0].Time - (double)point["seconds"]!, -0.01, 0.01);
            Assert.Equal(expected.Where(e => Text(point[e.Item2]).Length > 0).Select(e => (e.Item1, (float)(double)point[e.Item2]!)), read.Values);
        }

        // What JSON writes for NaN stands as an empty cell.
        static string Text(JsonNode? value) => value is null || value.ToString() == "NaN" ? "" : value.GetValueKind() == System.Text.Json.JsonValueKind.Number ? value.ToJsonString() : value.ToString();
    }

    [Fact]
    public async Task Stop_ends_a_job_at_a_checkpoint_and_waiting_for_it_was_interrupted()
    {
        var waiting = Submit("--wait", "-o", "json", "--set", "training.epochs=2000");
        JsonNode? job = null;
        await Until(async () => (job = JsonNode.Parse((await Ask("ps", "-o", "json")).Out)!.AsArray().FirstOrDefault()) is not null && (long)job["step"]! > 20);
        var stopped = await Ask("stop", (string)job!["job"]!, "--wait", "-o", "json");
        Assert.Equal((0, "stopped"), (stopped.Code, (string)stopped.Json["state"]!));
        Assert.EndsWith(".manifest.json", (string)stopped.Json["checkpoint"]!, StringComparison.Ordinal);
        Assert.Equal(130, (await waiting).Code);
        Assert.Contains("has stopped at step", (await Ask("stop", (string)job["job"]!)).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Interrupting_a_wait_leaves_the_job_training_and_says_how_to_go_on()
    {
        using var interrupt = new CancellationTokenSource();
        // Interrupted by what it says itself, so that it is following by then.
        using var error = new Interrupting("  1 %  step", interrupt);
        var code = await DistTrainCommand.RunAsync(["submit", _job, .. Overrides.SelectMany(o => new[] { "--set", o }), "--set", "training.epochs=2000", "--wait", "--server", _server.Link], TextWriter.Null, TextWriter.Synchronized(error), interrupt.Token);
        Assert.Equal(130, code);
        Assert.Matches("small-[0-9a-f]+ trains on. Follow it with: .* logs -f small-[0-9a-f]+; stop it with: .* stop small-", error.ToString());
        var still = Assert.Single(await _training.ListAsync());
        Assert.Equal("running", still.State);
        await _training.StopAsync(still.Job, "end");
    }

    [Fact]
    public async Task A_wait_survives_a_restart_of_the_server()
    {
        var waiting = Submit("--wait", "-o", "json", "--set", "training.epochs=400");
        await Until(async () => (await _training.ListAsync()) is [{ Step: > 5 }]);
        var port = _server.Address.Port;
        var token = _server.Token;
        await _server.DisposeAsync();
        _server = await DashboardServer.StartAsync(_training, new DashboardOptions { Listen = $"127.0.0.1:{port}", Token = token });
        await _training.StopAsync((await _training.ListAsync())[0].Job, "enough");
        var ended = await waiting;
        Assert.True(ended.Code is 0 or 130, ended.Error);
        Assert.Contains((string)ended.Json["state"]!, new[] { "stopped", "succeeded" });
    }

    [Fact]
    public async Task A_spec_that_is_wrong_is_refused_with_every_problem_and_2()
    {
        var ended = await Ask("submit", _job, "--set", "training.batchSize=-1", "--set", "optimizer=adem", "-o", "json");
        Assert.Equal(ExitCode.Usage, ended.Code);
        Assert.Contains("batchSize", ended.Error, StringComparison.Ordinal);
        Assert.Contains("adem", ended.Error, StringComparison.Ordinal);
        Assert.Empty(await _training.ListAsync());
    }

    [Fact]
    public async Task Nobody_there_a_wrong_token_and_no_such_job_have_codes_of_their_own_and_say_what_to_do()
    {
        var missing = await Ask("status", "none");
        Assert.Equal(ExitCode.NotFound, missing.Code);
        Assert.Matches("there is no job none.* List them with: .* ps", missing.Error);
        Assert.Equal(2, missing.Error.Split("ist them with").Length);
        var stranger = await Run("ps", "--server", _server.Address.ToString(), "--token", "wrong");
        Assert.Equal(ExitCode.Unreachable, stranger.Code);
        Assert.Contains("there is no valid token", stranger.Error, StringComparison.Ordinal);
        await _server.DisposeAsync();
        var gone = await Ask("ps", "-o", "json");
        Assert.Equal((ExitCode.Unreachable, 4), (gone.Code, (int)gone.Json["exitCode"]!));
        Assert.Contains("cannot be reached: Connection refused.", gone.Error, StringComparison.Ordinal);
        Assert.Contains("--server or DISTTRAIN_SERVER", gone.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Usage, (await Run("ps", "--server", "ftp://x")).Code);
        Assert.Equal(ExitCode.NotFound, (await Ask("submit", Path.Combine(Folder, "none.yaml"))).Code);
        var folder = await Ask("submit", Folder);
        Assert.Equal((ExitCode.Usage, true), (folder.Code, folder.Error.StartsWith($"{Folder} is a folder. Name a job file in it", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Train_serves_the_page_where_it_is_asked_to_and_the_bits_are_the_same()
    {
        var plain = (await Train("--set", "name=plain")).Json;
        var served = await Train("--set", "name=served", "--dashboard", "on");
        Assert.Matches(@"dashboard: http://127\.0\.0\.1:\d+/#token=[\w-]{43}\n", served.Error);
        Assert.Equal((string)plain["lossLogSha256"]!, (string)served.Json["lossLogSha256"]!);
        Assert.DoesNotContain("dashboard:", (await Train("--set", "name=auto")).Error, StringComparison.Ordinal);
        var port = await Train("--set", "name=port", "--dashboard", _server.Address.Port.ToString(System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal(ExitCode.Usage, port.Code);
        Assert.Contains("the dashboard cannot listen on port", port.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Usage, (await Train("--dashboard", "maybe")).Code);
    }

    [Fact]
    public async Task Diagnose_reads_a_run_of_this_machine_too()
    {
        await Train("--set", "training.evaluateEvery=2");
        var ended = await Run("diagnose", Path.Combine(Runs, "digits"), "-o", "json");
        Assert.Equal(0, ended.Code);
        Assert.Equal("learning", (string)ended.Json["verdict"]!);
        Assert.Equal(ExitCode.NotFound, (await Run("diagnose", Runs)).Code);
    }

    private sealed class Interrupting(string word, CancellationTokenSource interrupt) : StringWriter
    {
        public override void WriteLine(string? value)
        {
            base.WriteLine(value);
            if (value?.StartsWith(word, StringComparison.Ordinal) == true) interrupt.Cancel();
        }
    }

    private static async Task Until(Func<Task<bool>> holds)
    {
        var limit = TimeSpan.FromSeconds(60);
        var since = System.Diagnostics.Stopwatch.StartNew();
        while (!await holds())
        {
            Assert.True(since.Elapsed < limit, $"what was waited for did not come within {limit.TotalSeconds} s");
            await Task.Yield();
        }
    }
}
