using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using DistTrain.Learning;
using DistTrain.Training;
using DistTrain.Training.Specs;

namespace DistTrain.Cli;

internal static class ReplayVerb
{
    public static Command Make()
    {
        var run = new Argument<string>("run") { Description = "A run's folder, or one manifest of it." };
        var step = new Option<long>("--step") { Description = "The step to run again, counted from 0.", Required = true };
        var output = SharedOptions.Output();
        var verb = new Verb("replay", "Runs one step of a run again, in one process, from the checkpoint before it.", "disttrain replay runs/digits --step 412") { run, step, output };
        verb.SetAction((parse, cancellation) => Task.Run(() => Replay(parse.Terminal(output), CheckpointPlaceOrRun(parse.GetValue(run)!), parse.GetValue(step), cancellation), cancellation));
        return verb;
    }

    private static (CheckpointPlace? Place, JobFile Job) CheckpointPlaceOrRun(string path)
    {
        // A run that has not written a checkpoint yet is replayed from its first weights.
        var job = Path.Combine(path, "job.yaml");
        try
        {
            var place = CheckpointPlace.Find(path);
            return (place, place.Job());
        }
        catch (CommandException) when (File.Exists(job))
        {
            return (null, JobFile.Load(job));
        }
    }

    private static int Replay(Terminal terminal, (CheckpointPlace? Place, JobFile Job) run, long step, CancellationToken cancellation)
    {
        var plan = JobPlanner.Plan(run.Job, shardsMatter: false);
        if (step < 0 || step >= plan.Job.TotalSteps) throw new CommandException(ExitCode.Usage, $"--step is {step}. It must be between 0 and {plan.Job.TotalSteps - 1}, the last step of this job.");
        var trainer = new LocalTrainer(plan.Job);
        var from = Restore(terminal, run.Place, plan, trainer, step);
        var before = Weights(trainer, plan.Job.Layout);
        var result = trainer.Run(cancellation: cancellation, untilStep: step);
        if (step > from) before = Weights(trainer, plan.Job.Layout);
        result = trainer.Run(cancellation: cancellation, untilStep: step + 1);
        cancellation.ThrowIfCancellationRequested();
        var record = Enumerable.Range(0, trainer.Log.Count).Select(i => trainer.Log[i]).Last(r => r.Step == step && r.Kind != LossRecordKind.Evaluation);
        var after = Weights(trainer, plan.Job.Layout);
        if (terminal.Json)
        {
            terminal.WriteJson(new JsonObject
            {
                ["step"] = step, ["from"] = from, ["kind"] = record.Kind.ToString().ToLowerInvariant(), ["loss"] = Terminal.Finite(record.Loss), ["correct"] = record.Correct, ["samples"] = record.Samples,
                ["gradientNorm"] = Terminal.Finite(record.GradientNorm), ["clipCoefficient"] = record.Coefficient, ["learningRate"] = record.LearningRate,
                ["weightsSha256Before"] = VectorHash.OfWeights(plan.Job.Layout, before), ["weightsSha256"] = result.WeightsSha256,
                ["updates"] = new JsonArray([.. Updates(plan.Job.Layout, before, after).Select(u => new JsonObject { ["parameter"] = u.Name, ["updateNorm"] = Terminal.Finite(u.Update), ["weightNorm"] = Terminal.Finite(u.Weight) })]),
            });
            return ExitCode.Ok;
        }
        terminal.Out.WriteLine(FormattableString.Invariant($"step {step} (epoch {step / plan.Job.StepsPerEpoch + 1}), replayed from {(from == 0 ? "the first weights" : $"the checkpoint after step {from}")}"));
        terminal.Out.WriteLine(FormattableString.Invariant($"{record.Kind.ToString().ToLowerInvariant()}: loss {record.Loss:G7}, {record.Correct} of {record.Samples} correct, gradient norm {record.GradientNorm:G7}, clip coefficient {record.Coefficient:G7}, rate {record.LearningRate:G7}"));
        foreach (var (name, update, weight) in Updates(plan.Job.Layout, before, after))
            terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {name,-28} |update| {update,-12:G5} |weights| {weight:G5}"));
        terminal.Out.WriteLine($"weights before  sha256 {VectorHash.OfWeights(plan.Job.Layout, before)}");
        terminal.Out.WriteLine($"weights after   sha256 {result.WeightsSha256}");
        return ExitCode.Ok;
    }

    private static long Restore(Terminal terminal, CheckpointPlace? place, PlannedJob plan, LocalTrainer trainer, long step)
    {
        foreach (var name in place?.Manifests.Reverse() ?? [])
        {
            try
            {
                if (place!.Store.ReadManifest(name).Step > step) continue;
                var checkpoint = place.Store.Restore(name, plan.Job);
                trainer.Restore(checkpoint);
                return checkpoint.Manifest.Step;
            }
            catch (Exception damaged) when (damaged is InvalidDataException or IOException)
            {
                terminal.Error.WriteLine($"warning: {name} is skipped: {damaged.Message}");
            }
        }
        return 0;
    }

    private static IEnumerable<(string Name, double Update, double Weight)> Updates(ParameterLayout layout, float[] before, float[] after)
    {
        foreach (var slice in layout.Slices.Where(s => s.Kind is SliceKind.Parameter))
        {
            var (update, weight) = (0.0, 0.0);
            for (var i = slice.Offset; i < slice.Offset + slice.Length; i++)
                (update, weight) = (update + Math.Pow(after[i] - before[i], 2), weight + (double)before[i] * before[i]);
            yield return (slice.Name, Math.Sqrt(update), Math.Sqrt(weight));
        }
    }

    private static float[] Weights(LocalTrainer trainer, ParameterLayout layout)
    {
        var weights = new float[layout.Length];
        trainer.Weights.Read(0, weights);
        return weights;
    }
}
