using System.CommandLine;
using System.Text.Json.Nodes;
using DistTrain.Training.Specs;

namespace DistTrain.Cli;

internal static class ValidateVerb
{
    public static Command Make()
    {
        var job = new JobOptions();
        var output = SharedOptions.Output();
        var fileOnly = new Option<bool>("--file-only") { Description = "Do not open the data; shapes are then not checked." };
        var verb = new Verb("validate", "Checks a job file: fields, components, data, shapes; lists every problem at once.", "disttrain validate my-job.yaml") { fileOnly, output };
        job.AddTo(verb);
        verb.SetAction(parse =>
        {
            var terminal = parse.Terminal(output);
            var file = job.Read(parse);
            var plan = parse.GetValue(fileOnly) ? null : JobPlanner.Plan(file);
            var warnings = plan?.Warnings ?? [];
            if (terminal.Json)
            {
                var json = new JsonObject { ["status"] = "ok", ["name"] = file.Spec.Name, ["warnings"] = Problems.ToJson(warnings) };
                if (plan?.Stages is not null) json["pipeline"] = PipelineReport.ToJson(plan);
                terminal.WriteJson(json);
            }
            else
            {
                if (plan is not null)
                    foreach (var line in PipelineReport.Lines(plan)) terminal.Out.WriteLine(line);
                foreach (var warning in warnings) terminal.Out.WriteLine($"warning: {warning}");
                terminal.Out.WriteLine($"{file.Source}: ok{(warnings.Count == 0 ? "" : warnings.Count == 1 ? ", 1 warning" : $", {warnings.Count} warnings")}");
            }
            return ExitCode.Ok;
        });
        return verb;
    }
}
