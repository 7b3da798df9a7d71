using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using DistTrain.Contracts;
using Spectre.Console;

namespace DistTrain.Cli;

/// <summary>What a cluster says, as people read it on a terminal and as -o json has it (the API's own form).</summary>
internal static class JobText
{
    public static void WriteJson<T>(Terminal terminal, T value, JsonTypeInfo<T> type) => terminal.Out.WriteLine(JsonSerializer.Serialize(value, type));

    public static JsonNode Node<T>(T value, JsonTypeInfo<T> type) => JsonSerializer.SerializeToNode(value, type)!;

    public static void WriteTable(Terminal terminal, IReadOnlyList<JobStatus> jobs)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("job", "state", "step", "train loss", "test loss", "best", "samples/s", "workers", "verdict", "submitted");
        foreach (var job in jobs)
            table.AddRow(Markup.Escape(job.Job), job.State, Steps(job), Loss(job.TrainLoss), Loss(job.TestLoss), double.IsNaN(job.BestTestLoss) ? "" : $"{Loss(job.BestTestLoss)} @ {job.BestTestLossStep}",
                job.SamplesPerSecond > 0 ? job.SamplesPerSecond.ToString("N0", CultureInfo.InvariantCulture) : "", job.Workers > 0 ? $"{job.Workers}" : "", job.Verdict, job.Submitted.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture));
        terminal.Drawing(terminal.Out, terminal.OutDraws).Write(table);
    }

    public static void WriteStatus(Terminal terminal, JobStatus job, Verdict? verdict, IReadOnlyList<WaitReport> waits)
    {
        Line("job", $"{job.Job} ({job.State}{(job.Reason.Length > 0 ? $": {job.Reason}" : "")})");
        Line("step", $"{Steps(job)}{(job.StepsPerEpoch > 0 ? string.Create(CultureInfo.InvariantCulture, $", epoch {(double)job.Step / job.StepsPerEpoch:F1} of {job.TotalSteps / job.StepsPerEpoch}") : "")}");
        if (!double.IsNaN(job.TrainLoss)) Line("train loss", Loss(job.TrainLoss));
        if (!double.IsNaN(job.TestLoss)) Line("test loss", $"{Loss(job.TestLoss)}, best {Loss(job.BestTestLoss)} at step {job.BestTestLossStep:N0}");
        if (!double.IsNaN(job.TestAccuracy)) Line("test accuracy", string.Create(CultureInfo.InvariantCulture, $"{100 * job.TestAccuracy:F2} %"));
        if (job.SamplesPerSecond > 0) Line("speed", string.Create(CultureInfo.InvariantCulture, $"{job.SamplesPerSecond:N0} samples/s"));
        if (!JobStates.IsEnd(job.State)) Line("cluster", $"{TrainVerb.Counted(job.Workers, "worker")}, {TrainVerb.Counted(job.Shards, "shard")}, incarnation {job.Incarnation}");
        if (verdict is { Severity: not VerdictSeverity.Unknown }) Line("verdict", $"{verdict.Name}: {verdict.Sentence}");
        if (waits.Count > 0) Line("waits", waits[0].Text);
        if (job.WeightsSha256.Length > 0) Line("weights", $"sha256 {job.WeightsSha256}");
        if (job.Checkpoint.Length > 0) Line("checkpoint", job.Checkpoint);

        void Line(string name, string text) => terminal.Out.WriteLine($"{name,-14} {text}");
    }

    public static string Of(TrainingEvent happened) => string.Create(CultureInfo.InvariantCulture, $"{happened.At.ToLocalTime():HH:mm:ss}  step {happened.Step,-7:N0} {(happened.Severity == "info" ? "" : happened.Severity + ": ")}{happened.Text}");

    public static string Of(MetricPoint point) => point.Kind == "evaluation"
        ? string.Create(CultureInfo.InvariantCulture, $"step {point.Step:N0}: test loss {Loss(point.Loss)}{(double.IsNaN(point.Accuracy) ? "" : $", test accuracy {100 * point.Accuracy:F2} %")}")
        : string.Create(CultureInfo.InvariantCulture, $"step {point.Step:N0}: loss {Loss(point.Loss)}, gradient norm {point.GradientNorm:G4}, lr {point.LearningRate:G4}");

    public static string Loss(double loss) => double.IsNaN(loss) ? "" : loss.ToString(Math.Abs(loss) is < 1e6 and >= 1e-4 ? "F4" : "G4", CultureInfo.InvariantCulture);

    public static string Steps(JobStatus job) => string.Create(CultureInfo.InvariantCulture, $"{job.Step:N0} of {job.TotalSteps:N0}");
}
