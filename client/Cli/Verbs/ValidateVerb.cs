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
            IReadOnlyList<SpecProblem> warnings = [];
            if (!parse.GetValue(fileOnly)) warnings = JobPlanner.Plan(file).Warnings;
            if (terminal.Json) terminal.WriteJson(new JsonObject { ["status"] = "ok", ["name"] = file.Spec.Name, ["warnings"] = Problems.ToJson(warnings) });
            else
            {
                foreach (var warning in warnings) terminal.Out.WriteLine($"warning: {warning}");
                terminal.Out.WriteLine($"{file.Source}: ok{(warnings.Count == 0 ? "" : warnings.Count == 1 ? ", 1 warning" : $", {warnings.Count} warnings")}");
            }
            return ExitCode.Ok;
        });
        return verb;
    }
}
