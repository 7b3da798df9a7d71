using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using DistTrain.Contracts;
using DistTrain.Training.Specs;

namespace DistTrain.Cli;

internal static class InitVerb
{
    public static Command Make()
    {
        var name = new Argument<string?>("name") { Description = "Of the job: lower-case letters, digits and dashes; writes NAME.yaml.", Arity = ArgumentArity.ZeroOrOne };
        var folder = new Option<string>("--folder") { Description = "Where the file goes.", DefaultValueFactory = _ => "." };
        var force = new Option<bool>("--force") { Description = "Replace the file if it is there." };
        var schema = new Option<bool>("--schema") { Description = "Print the JSON Schema of job files instead, for editors." };
        var catalogue = new Option<bool>("--catalogue") { Description = "Print the page of all components instead: formulas, options, defaults." };
        var output = SharedOptions.Output();
        var verb = new Verb("init", "Writes a commented job file that trains as it stands.", "disttrain init my-job", "disttrain init --schema > job-spec.schema.json") { name, schema, catalogue, folder, force, output };
        verb.SetAction(parse =>
        {
            var terminal = parse.Terminal(output);
            if (parse.GetValue(schema))
            {
                terminal.Out.Write(JobSchema.Text());
                return ExitCode.Ok;
            }
            if (parse.GetValue(catalogue))
            {
                terminal.Out.Write(Learning.CataloguePage.Text());
                return ExitCode.Ok;
            }
            var job = parse.GetValue(name) ?? throw new CommandException(ExitCode.Usage, "a name is missing. Give the job one: disttrain init my-job");
            var path = Path.Combine(parse.GetValue(folder)!, $"{job}.yaml");
            JobFile.BuiltIn(new SpecOverride("metadata.name", System.Text.Json.JsonSerializer.Serialize(job), $"init {job}"));
            var text = JobTemplate.Text(job);
            if (File.Exists(path) && !parse.GetValue(force)) throw new CommandException(ExitCode.Usage, $"{path} is there already. Choose another name, or replace it with --force.");
            try
            {
                RunFolder.WriteWhole(path, text);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                throw new CommandException(ExitCode.Usage, $"{path} cannot be written: {error.Message}");
            }
            if (terminal.Json) terminal.WriteJson(new JsonObject { ["status"] = "ok", ["path"] = path });
            else terminal.Out.WriteLine($"wrote {path}{Environment.NewLine}next:{Environment.NewLine}  {Invocation.Name} validate {path}{Environment.NewLine}  {Invocation.Name} train {path}");
            return ExitCode.Ok;
        });
        return verb;
    }
}
