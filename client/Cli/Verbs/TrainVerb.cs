using System.CommandLine;
using System.Globalization;
using DistTrain.Training;
using DistTrain.Training.Specs;

namespace DistTrain.Cli;

internal static class TrainVerb
{
    public static Command Make()
    {
        var job = new JobOptions();
        var runs = SharedOptions.Runs();
        var output = SharedOptions.Output();
        var resume = new Option<bool>("--resume") { Description = "Go on from the newest checkpoint, to the same bits; without a job file, the run that was stopped last." };
        var overwrite = new Option<bool>("--overwrite") { Description = "Replace a run of the same name." };
        var dashboard = LiveRun.Choice();
        var events = new Option<string?>("--tensorboard") { Description = "Folder for a TensorBoard event file, written while it trains.", HelpName = "folder" };
        var verb = new Verb("train", "Trains a job on this machine: workers, parameter shards, checkpoints.",
            "disttrain train", "disttrain train my-job.yaml --workers 4 --set optimizer.lr=0.01", "disttrain train --resume") { runs, resume, overwrite, dashboard, events, output };
        job.AddTo(verb);
        verb.SetAction((parse, cancellation) =>
        {
            var terminal = parse.Terminal(output);
            var resumes = parse.GetValue(resume);
            if (resumes && parse.GetValue(overwrite)) throw new CommandException(ExitCode.Usage, "--resume and --overwrite are both set. Use --resume to go on, or --overwrite to start anew.");
            var file = resumes && job.Path(parse) is null ? Unfinished(parse.GetValue(runs)!, job.Overrides(parse)) : job.Read(parse);
            return RunAsync(terminal, file, parse.GetValue(runs)!, resumes, parse.GetValue(overwrite), parse.GetValue(dashboard)!, parse.GetValue(events), cancellation);
        });
        return verb;
    }

    private static JobFile Unfinished(string runs, IReadOnlyList<SpecOverride> overrides) => RunFolder.NewestUnfinished(runs) is { } run
        ? JobFile.Load(run.JobFile, overrides)
        : throw new CommandException(ExitCode.NotFound, $"no run in {runs} waits to be resumed. Start one with: {Invocation.Name} train");

    private static async Task<int> RunAsync(Terminal terminal, JobFile file, string runs, bool resume, bool overwrite, string dashboard, string? events, CancellationToken cancellation)
    {
        var port = LiveRun.PortOf(dashboard, terminal);
        var plan = JobPlanner.Plan(file);
        foreach (var warning in plan.Warnings) terminal.Error.WriteLine($"warning: {warning}");
        using var run = RunFolder.Of(runs, plan.Spec.Name);
        Refuse(run, plan, resume, overwrite);
        using var held = plan.Options.CheckpointFolder.Length > 0 ? Take(plan) : null;
        run.Take();
        if (!resume) run.Clear();
        var losses = new List<string>();
        if (run.Write(plan.Spec, PlanFile.Of(plan)) is { } unwritten) Lose($"{unwritten} This run trains, but cannot be resumed.");
        terminal.Error.WriteLine(Describe(plan));

        var options = plan.Options with
        {
            CheckpointFolder = plan.Options.CheckpointFolder.Length > 0 ? plan.Options.CheckpointFolder : run.Checkpoints,
            Resume = resume,
            WorkerLaunch = plan.Options.Processes > 0 ? WorkerVerb.Launch() : null,
        };
        var feed = new RunFeed(1 << 16);
        using var metrics = new MetricsFile(run.MetricsFile, step => Committed(options.CheckpointFolder, step, plan.Job));
        using var cluster = new EmbeddedCluster(plan.Job, options, feed);
        using var signals = new StopSignals(cancellation, () => terminal.Error.WriteLine($"{Environment.NewLine}stopping at a checkpoint; once more to stop at once"));
        var live = new LiveRun(plan, options, step => Committed(options.CheckpointFolder, step, plan.Job), signals.Ask);
        await using var served = live.ConfigureAwait(false);
        await live.ServeAsync(port, asked: dashboard != "auto", terminal).ConfigureAwait(false);
        using var board = events is null ? null : EventFile.Create(events, plan.Spec.Name, TimeProvider.System.GetUtcNow());
        var view = new ProgressView(terminal, new ProgressMeter(plan.Job.TotalSteps, plan.Job.StepsPerEpoch), metrics, record =>
        {
            live.Add(record);
            board?.Write(record);
        }).FollowAsync(feed);
        live.Job.Begin(cluster, options);
        var result = await cluster.RunAsync(signals.Token).ConfigureAwait(false);
        await view.ConfigureAwait(false);
        var verdict = live.End(result);
        metrics.Close();
        if (metrics.Failure is { } ended) Lose(ended);
        result = result with { Warnings = [.. result.Warnings, .. losses] };

        var damage = result.Checkpoint.Length > 0 ? Verify(result.Checkpoint) : "there is none";
        if (result.Status is TrainingStatus.Completed && damage is null) run.Finish();
        var json = RunResult.ToJson(result, run.Path, damage, verdict);
        if (run.WriteResult(json) is { } unsaved)
        {
            Lose(unsaved);
            result = result with { Warnings = [.. result.Warnings, unsaved] };
            json = RunResult.ToJson(result, run.Path, damage, verdict);
        }
        if (terminal.Json) terminal.WriteJson(json);
        else TrainReport.Write(terminal, plan, result, run, damage, verdict);
        return result.Status switch
        {
            TrainingStatus.Completed => damage is null ? ExitCode.Ok : ExitCode.Findings,
            TrainingStatus.Interrupted => ExitCode.Interrupted,
            _ => ExitCode.JobFailed,
        };

        // A file beside the training is no reason to lose the training.
        void Lose(string what)
        {
            losses.Add(what);
            terminal.Error.WriteLine($"warning: {what}");
        }
    }

    /// <summary>A run of the same name is never replaced by another job in silence.</summary>
    private static void Refuse(RunFolder run, PlannedJob plan, bool resume, bool overwrite)
    {
        if (!run.Exists)
        {
            if (resume) throw new CommandException(ExitCode.NotFound, $"there is no run in {run.Path} to resume. Start it without --resume.");
            return;
        }
        var there = run.Plan();
        var same = there?["identity"]?.GetValue<string>() == plan.Job.Identity;
        if (!same && !overwrite)
        {
            var differences = RunDifference.Of(there?["decides"], JobPlanner.WhatDecides(plan.Spec, plan.Job.MicroBatches));
            var what = differences.Count == 0 ? "its data differs" : $"{string.Join("; ", differences.Take(3))}{(differences.Count > 3 ? $"; and {differences.Count - 3} more" : "")}";
            throw new CommandException(ExitCode.Usage, $"{run.Path} holds a run of another job: {what}. " + (resume
                ? "A run is resumed with the job it began with; start this one under a name of its own: --set name=NAME"
                : "Give this one a name of its own (--set name=NAME), or replace that one (--overwrite)."));
        }
        if (same && !resume && !overwrite && !run.Completed && Directory.Exists(run.Checkpoints))
            throw new CommandException(ExitCode.Usage, $"{run.Path} holds a run of this job that has not ended. Go on with --resume, or start anew with --overwrite.");
    }

    /// <summary>Better known now than after the first epoch: can checkpoints be written where the job wants them, and by this run alone?</summary>
    private static IDisposable Take(PlannedJob plan)
    {
        try
        {
            Directory.CreateDirectory(plan.Options.CheckpointFolder);
            var probe = Path.Combine(plan.Options.CheckpointFolder, $".probe-{Environment.ProcessId}");
            File.WriteAllBytes(probe, [0]);
            File.Delete(probe);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new SpecException([plan.File.Problem("spec.checkpoint.path", $"is {plan.Options.CheckpointFolder}. It must be a folder that can be written: {error.Message} Choose another, or leave it out for the run's own folder.")]);
        }
        return RunFolder.Lock(Path.Combine(plan.Options.CheckpointFolder, ".lock-checkpoints"))
            ?? throw new SpecException([plan.File.Problem("spec.checkpoint.path", $"is {plan.Options.CheckpointFolder}. Another process writes its checkpoints there. Wait for it, choose another, or leave it out for the run's own folder.")]);
    }

    private static string Describe(PlannedJob plan)
    {
        var (job, spec) = (plan.Job, plan.Spec);
        var workers = spec.Cluster.Processes > 0 ? Counted(spec.Cluster.Processes, "worker process", "es") : Counted(spec.Cluster.Workers, "worker");
        return string.Create(CultureInfo.InvariantCulture, $"{spec.Name}: {string.Join(" ", spec.Model.Select(m => m.Name))} ({job.Layout.ParameterCount:N0} parameters) on {spec.Data.Format.Name} ({job.Data.Train.Count:N0} + {job.Data.Test.Count:N0} samples), {workers}, {(plan.Stages is null ? "" : $"{Counted(plan.Stages.Stages.Count, "stage")}, ")}{Counted(plan.Options.Shards, "shard")}, {Counted(job.Epochs, "epoch")} of {Counted(job.StepsPerEpoch, "step")}, {Counted(job.BatchSize, "sample")} in {Counted(job.MicroBatches, "micro-batch", "es")} each");
    }

    /// <summary>"1 epoch", "250 steps".</summary>
    internal static string Counted(long count, string noun, string plural = "s") => string.Create(CultureInfo.InvariantCulture, $"{count:N0} {noun}{(count == 1 ? "" : plural)}");

    private static LossLog? Committed(string folder, long step, ResolvedJob job)
    {
        var store = new CheckpointStore(new DiskFileSystem(), folder);
        foreach (var name in store.Manifests().Reverse())
        {
            try
            {
                if (store.ReadManifest(name).Step != step) continue;
                var log = new LossLog();
                log.Load(store.Restore(name, job).LossLog);
                return log;
            }
            catch (Exception damaged) when (damaged is IOException or InvalidDataException)
            {
                // The run took up from another of the same step.
            }
        }
        return null;
    }

    private static string? Verify(string manifest)
    {
        var problems = new CheckpointStore(new DiskFileSystem(), Path.GetDirectoryName(manifest)!).Verify(Path.GetFileName(manifest));
        return problems.Count == 0 ? null : string.Join("; ", problems.Select(p => p.Problem));
    }
}
