using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using DistTrain.Learning;
using DistTrain.Training.Specs;
using Spectre.Console;

namespace DistTrain.Cli;

internal static class SummaryVerb
{
    public static Command Make()
    {
        var job = new JobOptions();
        var output = SharedOptions.Output();
        var verb = new Verb("summary", "Shows a job's layers, shapes, parameters, multiply-adds, memory and plan.", "disttrain summary my-job.yaml", "disttrain summary --set model=mlp") { output };
        job.AddTo(verb);
        verb.SetAction(parse =>
        {
            var terminal = parse.Terminal(output);
            var plan = JobPlanner.Plan(job.Read(parse));
            if (terminal.Json) terminal.WriteJson(Json(plan));
            else Draw(terminal, plan);
            foreach (var warning in plan.Warnings) terminal.Error.WriteLine($"warning: {warning}");
            return ExitCode.Ok;
        });
        return verb;
    }

    private static JsonObject Json(PlannedJob plan)
    {
        var json = PlanFile.Of(plan);
        json.Insert(0, "name", plan.Spec.Name);
        json["layers"] = new JsonArray([.. plan.Network.Layers.Select(layer => new JsonObject
        {
            ["path"] = layer.Path, ["kind"] = layer.Kind, ["input"] = Axes(layer.Input), ["output"] = Axes(layer.Output), ["parameters"] = layer.Parameters, ["multiplyAdds"] = layer.MultiplyAdds,
        })]);
        json["shards"] = new JsonArray([.. plan.Shards.Select(s => new JsonObject { ["firstBlock"] = s.FirstBlock, ["blocks"] = s.BlockCount, ["elements"] = s.Length })]);
        if (plan.Stages is not null) json["pipeline"] = PipelineReport.ToJson(plan);
        var memory = MemoryEstimate.Of(plan);
        json["memory"] = new JsonObject { ["weightBytes"] = memory.WeightBytes, ["stateBytes"] = memory.StateBytes, ["activationBytesPerWorker"] = memory.ActivationBytesPerWorker };
        json["warnings"] = Problems.ToJson(plan.Warnings);
        return json;
    }

    private static JsonArray Axes(Shape shape) => [.. shape.Axes.ToArray().Select(a => JsonValue.Create(a))];

    private static void Draw(Terminal terminal, PlannedJob plan)
    {
        var (job, cluster, layout) = (plan.Job, plan.Spec.Cluster, plan.Job.Layout);
        var table = new Table().Border(TableBorder.Simple).AddColumns("layer", "kind", "output");
        table.AddColumn(new TableColumn("parameters").RightAligned()).AddColumn(new TableColumn("multiply-adds").RightAligned());
        table.AddRow("input", "", plan.Network.Input.ToString().EscapeMarkup(), "", "");
        foreach (var layer in plan.Network.Layers)
            table.AddRow(layer.Path, layer.Kind, layer.Output.ToString().EscapeMarkup(), Count(layer.Parameters), Count(layer.MultiplyAdds));
        terminal.Drawing(terminal.Out, terminal.OutDraws).Write(table);

        var memory = MemoryEstimate.Of(plan);
        var leaves = plan.Network.Layers.Where(l => !plan.Network.Layers.Any(other => other.Path.StartsWith(l.Path + ".", StringComparison.Ordinal)));
        Line("parameters", $"{layout.ParameterCount:N0} in {layout.Blocks.Count} blocks; {leaves.Sum(l => l.MultiplyAdds):N0} multiply-adds a sample, forward");
        Line("data", $"{job.Data.Train.Identity.Description}; {job.Data.Test.Identity.Description}");
        Line("plan", $"{job.Epochs} epochs of {job.StepsPerEpoch:N0} steps = {job.TotalSteps:N0} steps; a step is {job.BatchSize} samples in {job.MicroBatches} micro-batches of {job.BatchSize / job.MicroBatches}{(job.BatchSize % job.MicroBatches == 0 ? "" : " or one more")}");
        Line("cluster", $"{(cluster.Processes > 0 ? $"{cluster.Processes} worker processes" : $"{cluster.Workers} workers")}, {plan.Shards.Count} shards of {string.Join(", ", plan.Shards.Select(s => $"{s.BlockCount}"))} blocks");
        foreach (var line in PipelineReport.Lines(plan)) Line("pipeline", $"{line}");
        Line("memory", $"weights {Bytes(memory.WeightBytes)}, optimizer state {Bytes(memory.StateBytes)}, activations about {Bytes(memory.ActivationBytesPerWorker)} a worker");
        Line("identity", $"{job.Identity}");

        void Line(string name, FormattableString text) => terminal.Out.WriteLine($"{name,-12}{FormattableString.Invariant(text)}");
    }

    private static string Count(long value) => value == 0 ? "" : value.ToString("N0", CultureInfo.InvariantCulture);

    private static string Bytes(long bytes) => bytes >= 1 << 20
        ? string.Create(CultureInfo.InvariantCulture, $"{bytes / 1048576.0:F1} MiB")
        : string.Create(CultureInfo.InvariantCulture, $"{bytes / 1024.0:F1} KiB");
}

/// <summary>What a job holds in memory beside its data.</summary>
/// <param name="WeightBytes">One copy of the flat vector.</param>
/// <param name="StateBytes">The optimizer's state over all shards.</param>
/// <param name="ActivationBytesPerWorker">Outputs of all layers and their gradients for a worker's share of a step; buffers that layers reuse make it less.</param>
internal sealed record MemoryEstimate(long WeightBytes, long StateBytes, long ActivationBytesPerWorker)
{
    public static MemoryEstimate Of(PlannedJob plan)
    {
        var workers = Math.Max(1, Math.Min(plan.Job.MicroBatches, plan.Spec.Cluster.Processes > 0 ? plan.Spec.Cluster.Processes : plan.Spec.Cluster.Workers));
        var samples = (plan.Job.BatchSize + workers - 1) / workers;
        var elements = plan.Network.Input.Length + plan.Network.Layers.Sum(l => (long)l.Output.Length);
        return new MemoryEstimate(4L * plan.Job.Layout.Length, 4L * plan.Job.Layout.Length * plan.Job.Optimizer.StateCount, 2 * 4 * elements * samples);
    }
}
