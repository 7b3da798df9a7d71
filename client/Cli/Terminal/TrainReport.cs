using System.Globalization;
using DistTrain.Contracts;
using DistTrain.Training;
using DistTrain.Training.Specs;

namespace DistTrain.Cli;

/// <summary>What a person reads when a run ends: how it went, the hash, the checkpoint, what to do next.</summary>
internal static class TrainReport
{
    private const int MostWarnings = 3;

    public static void Write(Terminal terminal, PlannedJob plan, TrainingResult result, RunFolder run, string? damage, Verdict verdict)
    {
        var text = terminal.Out;
        text.WriteLine(result.Status switch
        {
            TrainingStatus.Completed => string.Create(CultureInfo.InvariantCulture, $"done: {TrainVerb.Counted(result.Epochs, "epoch")}, {TrainVerb.Counted(result.Steps, "step")} in {result.Seconds:F1} s ({result.SamplesPerSecond:N0} samples/s)"),
            TrainingStatus.Interrupted => string.Create(CultureInfo.InvariantCulture, $"stopped after step {result.Steps:N0} of {plan.Job.TotalSteps:N0}"),
            _ => $"failed: {result.Error}",
        });
        if (double.IsFinite(result.TrainLoss)) text.WriteLine(string.Create(CultureInfo.InvariantCulture, $"train loss     {Loss(result.TrainLoss)}"));
        if (double.IsFinite(result.TestLoss)) text.WriteLine(string.Create(CultureInfo.InvariantCulture, $"test loss      {Loss(result.TestLoss)}"));
        if (double.IsFinite(result.TestLoss) && plan.Job.Data.Test.Vocabulary > 0 && plan.Spec.Loss.Name == "crossEntropy") text.WriteLine(string.Create(CultureInfo.InvariantCulture, $"perplexity     {Math.Exp(result.TestLoss):F3}"));
        if (double.IsFinite(result.TestAccuracy) && plan.Job.Data.Test.Classes > 0) text.WriteLine(string.Create(CultureInfo.InvariantCulture, $"test accuracy  {100 * result.TestAccuracy:F2} %"));
        if (verdict.Severity is not VerdictSeverity.Unknown)
        {
            text.WriteLine($"verdict        {verdict.Name}: {verdict.Sentence}");
            if (verdict.Severity >= VerdictSeverity.Warn && verdict.Advice.Count > 0) text.WriteLine($"advice         {verdict.Advice[0]}");
        }
        text.WriteLine($"weights        sha256 {result.WeightsSha256}");
        if (result.Checkpoint.Length > 0) text.WriteLine($"checkpoint     {result.Checkpoint} ({(damage is null ? "verified" : $"DAMAGED: {damage}")})");
        if (result.Error?.Contains("gradient norm", StringComparison.Ordinal) == true) text.WriteLine("advice         lower optimizer.lr, clip gradients (training.clipNorm), or leave such steps out (training.onNonFinite=skip)");
        var warnings = result.Warnings.Distinct(StringComparer.Ordinal).ToArray();
        foreach (var warning in warnings.Take(MostWarnings)) text.WriteLine($"warning        {warning}");
        if (warnings.Length > MostWarnings) text.WriteLine($"warning        and {warnings.Length - MostWarnings} more, in {run.MetricsFile}");
        text.WriteLine("next:");
        foreach (var line in Next(plan, result, run)) text.WriteLine($"  {Invocation.Name} {line}");
    }

    private static string Loss(double loss) => loss.ToString(loss < 1e6 ? "F4" : "G5", CultureInfo.InvariantCulture);

    private static IEnumerable<string> Next(PlannedJob plan, TrainingResult result, RunFolder run)
    {
        var runs = Path.GetDirectoryName(run.Path) is "runs" ? "" : $" --runs {Path.GetDirectoryName(run.Path)}";
        if (result.Status is not TrainingStatus.Completed)
        {
            if (result.Status is TrainingStatus.Failed && result.Steps < plan.Job.TotalSteps) yield return $"replay {run.Path} --step {result.Steps}";
            if (result.Checkpoint.Length > 0)
            {
                yield return $"train --resume {run.JobFile}{runs}";
                yield return $"checkpoints ls {run.Path}";
            }
            else
            {
                yield return $"train --overwrite {run.JobFile}{runs}";
            }
            yield return $"summary {run.JobFile}";
            yield break;
        }
        yield return $"predict {run.Path} test:0";
        yield return $"checkpoints verify {run.Path}";
        yield return $"train {run.JobFile}{runs} --workers {Math.Max(1, plan.Spec.Cluster.Workers) + 1} --set name={plan.Spec.Name}-again";
    }
}
