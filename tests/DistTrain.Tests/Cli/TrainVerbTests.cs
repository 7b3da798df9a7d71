using DistTrain.Training.Specs;

namespace DistTrain.Tests.Cli;

public sealed class TrainVerbTests : CommandFixture
{
    [Fact]
    public async Task A_run_ends_with_one_object_and_leaves_spec_plan_metrics_result_and_a_verified_checkpoint()
    {
        var ended = await Train("--workers", "3", "--shards", "2", "--seed", "7");
        Assert.Equal(0, ended.Code);
        var json = Assert.Single(ended.Lines) is { } ? ended.Json : null!;
        Assert.Equal(("completed", 2, 20L, 3, 2, 2), ((string)json["status"]!, (int)json["epochs"]!, (long)json["steps"]!, (int)json["workers"]!, (int)json["shards"]!, (int)json["microBatches"]!));
        foreach (var number in new[] { "seconds", "samplesPerSecond", "trainLoss", "testLoss", "testAccuracy" }) Assert.True((double)json[number]! > 0, number);
        Assert.Matches("^[0-9a-f]{64}$", (string)json["weightsSha256"]!);
        Assert.True(File.Exists((string)json["checkpoint"]!));
        Assert.True((bool)json["checkpointVerified"]!);
        var run = Path.Combine(Runs, "digits");
        Assert.Equal(7UL, JobFile.Load(Path.Combine(run, "job.yaml")).Spec.Training.Seed);
        Assert.Equal(ended.Lines[^1], System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(Path.Combine(run, "result.json")))!.ToJsonString());
        Assert.Contains("\"identity\"", File.ReadAllText(Path.Combine(run, "plan.json")), StringComparison.Ordinal);
        var metrics = File.ReadAllLines(Path.Combine(run, "metrics.jsonl"));
        Assert.Equal((20, 2), (metrics.Count(l => l.Contains("\"kind\":\"step\"", StringComparison.Ordinal)), metrics.Count(l => l.Contains("\"kind\":\"evaluation\"", StringComparison.Ordinal))));
    }

    [Fact]
    public async Task Progress_goes_to_standard_error_one_line_a_percent_at_most()
    {
        var ended = await Train();
        Assert.Single(ended.Lines);
        var percents = ended.Error.Split('\n').Where(l => l.Contains(" %  epoch ", StringComparison.Ordinal)).ToArray();
        Assert.Equal(20, percents.Length);
        Assert.StartsWith("100 %  epoch 2/2, step 20/20, loss ", percents[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_person_reads_accuracy_hash_checkpoint_and_three_commands()
    {
        var ended = await Run(["train", .. Small, "--runs", Runs]);
        Assert.Equal(0, ended.Code);
        Assert.Matches(@"done: 2 epochs, 20 steps in [0-9.]+ s \([0-9,]+ samples/s\)\n", ended.Out);
        Assert.Matches(@"test accuracy  [0-9.]+ %\n", ended.Out);
        Assert.Matches(@"weights        sha256 [0-9a-f]{64}\n", ended.Out);
        Assert.Matches(@"checkpoint     .*manifest.json \(verified\)\n", ended.Out);
        var next = ended.Lines[(Array.IndexOf(ended.Lines, "next:") + 1)..];
        Assert.Equal(3, next.Length);
        // Each of them works, typed as it stands after the command's own name.
        foreach (var line in next)
        {
            var verb = line[line.IndexOf(" -- ", StringComparison.Ordinal)..][4..];
            var tried = await Run(verb.Split(' '));
            Assert.True(tried.Code == 0, $"{verb}: {tried.Error}");
        }
    }

    [Fact]
    public async Task Workers_shards_and_processes_do_not_change_a_bit()
    {
        var processes = (await Train("--processes", "2", "--set", "name=processes")).Json;
        var one = (await Train("--workers", "1", "--shards", "1", "--set", "name=one")).Json;
        var many = (await Train("--workers", "4", "--shards", "5", "--set", "name=many")).Json;
        foreach (var hash in new[] { "weightsSha256", "stateSha256", "lossLogSha256" })
        {
            Assert.Equal((string)one[hash]!, (string)many[hash]!);
            Assert.Equal((string)one[hash]!, (string)processes[hash]!);
        }
    }

    [Fact]
    public async Task A_stopped_run_resumes_to_the_same_bits()
    {
        var whole = (await Train("--set", "training.epochs=40", "--set", "name=whole")).Json;
        using var stop = new CancellationTokenSource();
        var stopping = Run(stop.Token, ["train", .. Small, "--set", "training.epochs=40", "--set", "name=stopped", "--runs", Runs, "-o", "json"]);
        await WaitFor(() => File.Exists(Path.Combine(Runs, "stopped", "job.yaml")) || stopping.IsCompleted, "the run begins");
        stop.Cancel();
        var stopped = await stopping;
        Assert.Equal((130, "interrupted"), (stopped.Code, (string)stopped.Json["status"]!));
        Assert.True((long)stopped.Json["steps"]! < 400);
        Assert.Null(stopped.Json["error"]);
        var again = await Train("--set", "training.epochs=40", "--set", "name=stopped");
        Assert.Equal(2, again.Code);
        Assert.Contains("holds a run of this job that has not ended. Go on with --resume, or start anew with --overwrite.", again.Error, StringComparison.Ordinal);
        File.Delete(Path.Combine(Runs, "stopped", "metrics.jsonl"));
        var resumed = await Run("train", "--resume", "--runs", Runs, "-o", "json", "--workers", "3");
        Assert.Equal(0, resumed.Code);
        Assert.Equal("stopped", Path.GetFileName((string)resumed.Json["run"]!));
        Assert.Equal(400 - (long)stopped.Json["steps"]!, (long)resumed.Json["stepsThisRun"]!);
        foreach (var hash in new[] { "weightsSha256", "stateSha256", "lossLogSha256" }) Assert.Equal((string)whole[hash]!, (string)resumed.Json[hash]!);
        Assert.Equal(Steps("whole"), Steps("stopped"));

        IEnumerable<string> Steps(string name) => File.ReadLines(Path.Combine(Runs, name, "metrics.jsonl")).Where(l => !l.Contains("\"text\":", StringComparison.Ordinal)).Select(l => l[..l.IndexOf(",\"seconds\"", StringComparison.Ordinal)]);
    }

    [Fact]
    public async Task A_run_of_another_job_is_not_replaced_in_silence()
    {
        await Train();
        var before = Snapshot();
        var other = await Train("--seed", "1", "--epochs", "3");
        Assert.Equal(2, other.Code);
        Assert.Contains("holds a run of another job: training.epochs is 2 there and 3 here; training.seed is 42 there and 1 here. Give this one a name of its own (--set name=NAME), or replace that one (--overwrite).", other.Error, StringComparison.Ordinal);
        Assert.Equal(before, Snapshot());
        Assert.Equal(0, (await Train("--seed", "1", "--overwrite")).Code);
        Assert.NotEqual(before, Snapshot());

        string Snapshot() => string.Join("|", Files().Where(f => File.Exists(Path.Combine(Folder, f))).Select(f => $"{f} {File.GetLastWriteTimeUtc(Path.Combine(Folder, f)).Ticks}"));
    }

    [Fact]
    public async Task The_same_job_may_run_again_over_its_own_finished_run()
    {
        var first = (await Train()).Json;
        var second = await Train("--workers", "1");
        Assert.Equal(0, second.Code);
        Assert.Equal((string)first["weightsSha256"]!, (string)second.Json["weightsSha256"]!);
        Assert.False(Directory.Exists(Path.Combine(Runs, "digits", "checkpoints-before")));
    }

    [Fact]
    public async Task A_finished_model_is_kept_until_the_run_in_its_place_has_finished()
    {
        await Train();
        using var stopped = new CancellationTokenSource();
        stopped.Cancel();
        var again = await Run(stopped.Token, ["train", .. Small, "--runs", Runs, "-o", "json"]);
        Assert.Equal(130, again.Code);
        var kept = Path.Combine(Runs, "digits", "checkpoints-before");
        Assert.Equal(0, (await Run("predict", kept, "test:0")).Code);
        Assert.Equal(0, (await Train("--resume")).Code);
        Assert.False(Directory.Exists(kept));
    }

    [Theory]
    [InlineData("--workers", "0", "--workers 0: spec.cluster.workers is 0. It must be a whole number from 1 to 1024, or a range such as 2..8.")]
    [InlineData("--epochs", "many", "--epochs many: spec.training.epochs is many. It must be a whole number from 1 to 1000000.")]
    [InlineData("--shards", "999", "--shards 999: spec.cluster.shards is 999. It must be at most ")]
    [InlineData("--device", "gpu:97", "--device gpu:97: spec.cluster.device is gpu:97. This machine or this build has no such accelerator. Use auto or cpu.")]
    [InlineData("--set", "optimizer.lr=.nan", "--set optimizer.lr=.nan: spec.optimizer.adam.lr is .nan. It must be a finite number that 64 bits can hold.")]
    [InlineData("--set", "optimizer.lr=-1", "--set optimizer.lr=-1: spec.optimizer.adam.lr is -1. It must be a finite number, ")]
    [InlineData("--set", "optimizer=adma", "--set optimizer=adma: spec.optimizer is adma. It must be one of ")]
    [InlineData("--set", "training.batchSize=1000", "--set training.batchSize=1000: spec.training.batchSize is 1000. It must be at most 320, the samples of the training set.")]
    [InlineData("--set", "data.format={idx: {}}", "idx")]
    [InlineData("--set", "data.path=/nowhere", "data.path is \"/nowhere\"")]
    public async Task What_cannot_run_ends_with_2_and_leaves_nothing_behind(string flag, string value, string problem)
    {
        var ended = await Train(flag, value);
        Assert.Equal(2, ended.Code);
        Assert.Contains(problem, ended.Error, StringComparison.Ordinal);
        Assert.Empty(Files());
    }

    [Fact]
    public async Task A_job_that_diverges_fails_with_1_and_says_at_which_step()
    {
        var ended = await Train("--set", "optimizer={sgd: {lr: 1e6}}", "--set", "training.onNonFinite=halt", "--epochs", "20");
        Assert.Equal((1, "failed"), (ended.Code, (string)ended.Json["status"]!));
        var step = (long)ended.Json["steps"]!;
        Assert.StartsWith($"step {step}: the gradient norm is ", (string)ended.Json["error"]!, StringComparison.Ordinal);
        var replayed = await Run("replay", Path.Combine(Runs, "digits"), "--step", $"{step}", "-o", "json");
        Assert.Equal((0, "skipped"), (replayed.Code, (string)replayed.Json["kind"]!));
        Assert.Null(replayed.Json["gradientNorm"]);
    }

    [Fact]
    public async Task A_checkpoint_folder_that_cannot_be_written_is_named_before_training()
    {
        var file = Write("file", "no folder");
        var ended = await Train("--set", $"checkpoint.path={file}/checkpoints");
        Assert.Equal(2, ended.Code);
        Assert.StartsWith($"--set checkpoint.path={file}/checkpoints: spec.checkpoint.path is {file}/checkpoints. It must be a folder that can be written: ", ended.Error, StringComparison.Ordinal);
        Assert.Equal(["file"], Files());
    }

    [Fact]
    public async Task Files_that_cannot_be_written_beside_the_training_are_warnings()
    {
        var whole = await Train("--set", "name=whole");
        var names = new[] { "job.yaml", "plan.json", "metrics.jsonl", "result.json" };
        foreach (var name in names) Directory.CreateDirectory(Path.Combine(Runs, "digits", name + ".tmp"));
        var ended = await Train();
        Assert.Equal((0, "completed"), (ended.Code, (string)ended.Json["status"]!));
        Assert.Equal((string)whole.Json["weightsSha256"]!, (string)ended.Json["weightsSha256"]!);
        Assert.True((bool)ended.Json["checkpointVerified"]!);
        var warnings = string.Join('\n', ended.Json["warnings"]!.AsArray());
        foreach (var name in names.Skip(1))
        {
            Assert.Contains($"{Path.Combine(Runs, "digits", name)} could not be written: ", warnings, StringComparison.Ordinal);
            Assert.Contains($"warning: {Path.Combine(Runs, "digits", name)} could not be written: ", ended.Error, StringComparison.Ordinal);
        }
        Assert.Contains("This run trains, but cannot be resumed.", warnings, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_last_checkpoint_that_cannot_be_written_fails_the_run_and_keeps_its_numbers()
    {
        var whole = await Train("--set", "name=whole");
        Directory.CreateDirectory(Path.Combine(Runs, "digits"));
        File.WriteAllText(Path.Combine(Runs, "digits", "checkpoints"), "a file where the folder should be");
        var ended = await Train();
        Assert.Equal((1, "failed", 20L), (ended.Code, (string)ended.Json["status"]!, (long)ended.Json["steps"]!));
        Assert.StartsWith("the last checkpoint, of step 20, cannot be written: ", (string)ended.Json["error"]!, StringComparison.Ordinal);
        foreach (var same in new[] { "weightsSha256", "lossLogSha256", "testAccuracy", "testLoss" }) Assert.Equal(whole.Json[same]!.ToJsonString(), ended.Json[same]!.ToJsonString());
        Assert.True(File.Exists(Path.Combine(Runs, "digits", "result.json")));
    }

    [Fact]
    public async Task Two_runs_at_once_never_share_a_folder_of_checkpoints()
    {
        var shared = Path.Combine(Folder, "shared");
        using var stop = new CancellationTokenSource();
        var first = Run(stop.Token, ["train", .. Small, "--set", "training.epochs=100000", "--set", $"checkpoint.path={shared}", "--set", "name=first", "--runs", Runs, "-o", "json"]);
        await WaitFor(() => File.Exists(Path.Combine(shared, ".lock-checkpoints")) || first.IsCompleted, "the first run begins");
        var second = await Train("--set", $"checkpoint.path={shared}", "--set", "name=second");
        stop.Cancel();
        Assert.Equal(130, (await first).Code);
        Assert.Equal(2, second.Code);
        Assert.Contains($"spec.checkpoint.path is {shared}. Another process writes its checkpoints there.", second.Error, StringComparison.Ordinal);
        Assert.Equal(0, (await Train("--set", $"checkpoint.path={shared}", "--set", "name=second")).Code);
    }

    [Fact]
    public async Task Data_that_lies_is_named_before_anything_is_written()
    {
        var data = Directory.CreateDirectory(Path.Combine(Folder, "lies")).FullName;
        foreach (var name in new[] { "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte" })
            File.WriteAllBytes(Path.Combine(data, name), [0, 0, 8, (byte)(name.Contains("images", StringComparison.Ordinal) ? 3 : 1), 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 28, 0, 0, 0, 28]);
        var ended = await Run("train", "--runs", Runs, "--set", "data.format=idx", "--set", $"data.path={data}");
        Assert.Equal(2, ended.Code);
        Assert.StartsWith($"--set data.path={data}: {Path.Combine(data, "train-images-idx3-ubyte")} ", ended.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Runs));
    }

    [Fact]
    public async Task A_folder_that_cannot_be_written_is_named()
    {
        var file = Write("runs", "a file where the folder should be");
        var ended = await Train();
        Assert.Equal(2, ended.Code);
        Assert.Contains($"the run's folder {Path.Combine(file, "digits")} cannot be written: ", ended.Error, StringComparison.Ordinal);
        Assert.Contains("Choose another with --runs FOLDER.", ended.Error, StringComparison.Ordinal);
        Assert.Equal(["runs"], Files());
    }

    [Fact]
    public async Task More_workers_than_micro_batches_is_a_warning()
    {
        var ended = await Train("--workers", "5");
        Assert.Equal(0, ended.Code);
        Assert.Contains("warning: --workers 5: spec.cluster.workers is 5. A step has 2 micro-batches, so 3 of them idle. Use 2, or a larger spec.training.microBatches (which is part of the result).", ended.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Resume_needs_a_run()
    {
        var ended = await Run("train", "--resume", "--runs", Runs);
        Assert.Equal(3, ended.Code);
        Assert.StartsWith($"no run in {Runs} waits to be resumed. Start one with: ", ended.Error, StringComparison.Ordinal);
        var both = await Train("--resume", "--overwrite");
        Assert.Equal(2, both.Code);
        Assert.Empty(Files());
    }

    private static async Task WaitFor(Func<bool> condition, string phase)
    {
        var limit = TimeProvider.System.GetTimestamp();
        while (!condition())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(limit) < TimeSpan.FromSeconds(30), $"{phase}: not within 30 s");
            await Task.Yield();
        }
    }
}
