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
        var convolutions = new Option<bool>("--convolutions") { Description = "Also what each convolution would cost in other forms: grouped, depthwise, pointwise, with a shuffle." };
        var verb = new Verb("summary", "Shows a job's layers, shapes, parameters, multiply-adds, memory and plan.", "disttrain summary my-job.yaml", "disttrain summary --set model=mlp", "disttrain summary --convolutions") { convolutions, output };
        job.AddTo(verb);
        verb.SetAction(parse =>
        {
            var terminal = parse.Terminal(output);
            var plan = JobPlanner.Plan(job.Read(parse));
            var costs = parse.GetValue(convolutions);
            if (terminal.Json)
            {
                var json = Json(plan);
                if (costs) json["convolutions"] = ConvolutionTable.ToJson(plan.Network);
                terminal.WriteJson(json);
            }
            else
            {
                Draw(terminal, plan);
                if (costs) ConvolutionTable.Draw(terminal, plan.Network);
            }
            foreach (var warning in plan.Warnings) terminal.Error.WriteLine($"warning: {warning}");
            return ExitCode.Ok;
        });
        return verb;
    }

    private static JsonObject Json(PlannedJob plan)
    {
        var json = PlanFile.Of(plan);
        json.Insert(0, "name", plan.Spec.Name);
        var fields = ReceptiveFields.Of(plan.Network);
        json["layers"] = new JsonArray([.. plan.Network.Layers.Select(layer => new JsonObject
        {
            ["path"] = layer.Path, ["kind"] = layer.Kind, ["input"] = Axes(layer.Input), ["output"] = Axes(layer.Output), ["parameters"] = layer.Parameters, ["multiplyAdds"] = layer.MultiplyAdds,
            ["activationBytes"] = 4L * layer.Output.Length, ["receptiveField"] = fields.TryGetValue(layer.Path, out var field) ? new JsonArray([.. field.Select(size => JsonValue.Create(size))]) : null,
        })]);
        json["multiplyAdds"] = plan.Network.MultiplyAdds;
        json["shards"] = new JsonArray([.. plan.Shards.Select(s => new JsonObject { ["firstBlock"] = s.FirstBlock, ["blocks"] = s.BlockCount, ["elements"] = s.Length })]);
        if (plan.Stages is not null) json["pipeline"] = PipelineReport.ToJson(plan);
        var memory = Memory(plan);
        json["memory"] = new JsonObject { ["weightBytes"] = memory.Weights, ["stateBytes"] = memory.OptimizerState, ["activationBytes"] = memory.Arena, ["gradientBytes"] = memory.Gradients, ["scratchBytes"] = memory.Scratch, ["runtimeBytes"] = memory.Runtime, ["dataBytes"] = DataBytes(plan), ["peakBytes"] = memory.Total + DataBytes(plan) };
        json["warnings"] = Problems.ToJson(plan.Warnings);
        return json;
    }

    private static JsonArray Axes(Shape shape) => [.. shape.Axes.ToArray().Select(a => JsonValue.Create(a))];

    private static void Draw(Terminal terminal, PlannedJob plan)
    {
        var (job, cluster, layout) = (plan.Job, plan.Spec.Cluster, plan.Job.Layout);
        var table = new Table().Border(TableBorder.Simple).AddColumns("layer", "kind", "output");
        table.AddColumn(new TableColumn("parameters").RightAligned()).AddColumn(new TableColumn("multiply-adds").RightAligned()).AddColumn(new TableColumn("activation").RightAligned()).AddColumn(new TableColumn("sees").RightAligned());
        var fields = ReceptiveFields.Of(plan.Network);
        table.AddRow("input", "", plan.Network.Input.ToString().EscapeMarkup(), "", "", Bytes(4L * plan.Network.Input.Length), "");
        foreach (var layer in plan.Network.Layers)
            table.AddRow(layer.Path, layer.Kind, layer.Output.ToString().EscapeMarkup(), Count(layer.Parameters), Count(layer.MultiplyAdds), Bytes(4L * layer.Output.Length), fields.TryGetValue(layer.Path, out var field) ? string.Join(" x ", field) : "-");
        terminal.Drawing(terminal.Out, terminal.OutDraws).Write(table);

        var memory = Memory(plan);
        Line("parameters", $"{layout.ParameterCount:N0} in {layout.Blocks.Count} blocks; {plan.Network.MultiplyAdds:N0} multiply-adds a sample, forward");
        Line("data", $"{job.Data.Train.Identity.Description}; {job.Data.Test.Identity.Description}");
        Line("plan", $"{job.Epochs} epochs of {job.StepsPerEpoch:N0} steps = {job.TotalSteps:N0} steps; a step is {job.BatchSize} samples in {job.MicroBatches} micro-batches of {job.BatchSize / job.MicroBatches}{(job.BatchSize % job.MicroBatches == 0 ? "" : " or one more")}");
        Line("cluster", $"{(cluster.Processes > 0 ? $"{cluster.Processes} worker processes" : $"{cluster.Workers} workers")}, {plan.Shards.Count} shards of {string.Join(", ", plan.Shards.Select(s => $"{s.BlockCount}"))} blocks");
        foreach (var line in PipelineReport.Lines(plan)) Line("pipeline", $"{line}");
        Line("memory", $"peak about {Bytes(memory.Total + DataBytes(plan))}: weights {Bytes(memory.Weights)}, gradients {Bytes(memory.Gradients)}, optimizer state {Bytes(memory.OptimizerState)}, activations {Bytes(memory.Arena)}, scratch {Bytes(memory.Scratch)}, data {Bytes(DataBytes(plan))}, runtime {Bytes(memory.Runtime)}");
        Line("identity", $"{job.Identity}");

        void Line(string name, FormattableString text) => terminal.Out.WriteLine($"{name,-12}{FormattableString.Invariant(text)}");
    }

    private static string Count(long value) => value == 0 ? "" : value.ToString("N0", CultureInfo.InvariantCulture);

    private static string Bytes(long bytes) => bytes >= 1 << 20
        ? string.Create(CultureInfo.InvariantCulture, $"{bytes / 1048576.0:F1} MiB")
        : string.Create(CultureInfo.InvariantCulture, $"{bytes / 1024.0:F1} KiB");

    private static StepMemory Memory(PlannedJob plan)
    {
        var (workers, cluster) = (plan.Spec.Cluster.Processes > 0 ? plan.Spec.Cluster.Processes : plan.Spec.Cluster.Workers, plan.Spec.Cluster);
        var threads = cluster.ComputeThreads > 0 ? cluster.ComputeThreads : Math.Max(1, Environment.ProcessorCount / workers);
        return StepMemory.Of(plan.Network, plan.Loss, plan.Job.Optimizer, plan.Job.Data.Train.TargetShape, plan.Job.Data.Train.TargetKind, plan.Job.BatchSize, plan.Job.MicroBatches, workers, threads);
    }

    // As the sets are held: images a byte a value, tokens two, other features four.
    private static long DataBytes(PlannedJob plan)
    {
        var (train, test) = (plan.Job.Data.Train, plan.Job.Data.Test);
        var value = train.Vocabulary > 0 ? 2 : train.InputShape.Rank == 3 ? 1 : 4;
        return ((long)train.Count + test.Count) * (train.InputShape.Length * value + 4L * train.TargetShape.Length);
    }
}
