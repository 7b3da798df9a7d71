using System.Globalization;
using DistTrain.Training;
using DistTrain.Training.Specs;

namespace DistTrain.Cli;

/// <summary>What a person reads when a run ends: how it went, the hash, the checkpoint, what to do next.</summary>
internal static class TrainReport
{
    public static void Write(Terminal terminal, PlannedJob plan, TrainingResult result, RunFolder run, string? damage)
    {
        var text = terminal.Out;
        text.WriteLine(result.Status switch
        {
            TrainingStatus.Completed => string.Create(CultureInfo.InvariantCulture, $"done: {TrainVerb.Counted(result.Epochs, "epoch")}, {TrainVerb.Counted(result.Steps, "step")} in {result.Seconds:F1} s ({result.SamplesPerSecond:N0} samples/s)"),
            TrainingStatus.Interrupted => string.Create(CultureInfo.InvariantCulture, $"stopped after step {result.Steps:N0} of {plan.Job.TotalSteps:N0}"),
            _ => $"failed after step {result.Steps}: {result.Error}",
        });
        if (double.IsFinite(result.TrainLoss)) text.WriteLine(string.Create(CultureInfo.InvariantCulture, $"train loss     {result.TrainLoss:F4}"));
        if (double.IsFinite(result.TestLoss)) text.WriteLine(string.Create(CultureInfo.InvariantCulture, $"test loss      {result.TestLoss:F4}"));
        if (double.IsFinite(result.TestAccuracy) && plan.Job.Data.Test.Classes > 0) text.WriteLine(string.Create(CultureInfo.InvariantCulture, $"test accuracy  {100 * result.TestAccuracy:F2} %"));
        text.WriteLine($"weights        sha256 {result.WeightsSha256}");
        if (result.Checkpoint.Length > 0) text.WriteLine($"checkpoint     {result.Checkpoint} ({(damage is null ? "verified" : $"DAMAGED: {damage}")})");
        foreach (var warning in result.Warnings) text.WriteLine($"warning        {warning}");
        text.WriteLine("next:");
        foreach (var line in Next(plan, result, run)) text.WriteLine($"  {Invocation.Name} {line}");
    }

    private static IEnumerable<string> Next(PlannedJob plan, TrainingResult result, RunFolder run)
    {
        var runs = Path.GetDirectoryName(run.Path) is "runs" ? "" : $" --runs {Path.GetDirectoryName(run.Path)}";
        if (result.Status is not TrainingStatus.Completed)
        {
            if (result.Checkpoint.Length > 0) yield return $"train --resume {run.JobFile}{runs}";
            yield return $"checkpoints ls {run.Path}";
            yield return $"summary {run.JobFile}";
            yield break;
        }
        yield return $"predict {run.Path} test:0";
        yield return $"checkpoints verify {run.Path}";
        yield return $"train {run.JobFile}{runs} --workers {Math.Max(1, plan.Spec.Cluster.Workers) + 1} --set name={plan.Spec.Name}-again";
    }
}
