using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using DistTrain.Learning;
using DistTrain.Training.Specs;

namespace DistTrain.Cli;

/// <summary><c>checkpoints export</c>: a checkpoint's weights for other programs.</summary>
internal static class ExportVerb
{
    public static Verb Make()
    {
        var checkpoint = new Argument<string>("checkpoint") { Description = "A run's folder, its checkpoints folder, or one manifest." };
        var format = new Option<string>("--format") { Description = "safetensors: PyTorch's names and layouts; onnx: the network with its weights, operator set 14.", DefaultValueFactory = _ => "safetensors" };
        var file = new Option<string?>("--out") { Description = "The file to write; the job's name with the format's ending unless given.", HelpName = "file" };
        var weights = new Option<string>("--weights") { Description = "weights; or a state vector of the optimizer that stands for them, such as ema.", DefaultValueFactory = _ => "weights" };
        var output = SharedOptions.Output();
        var verb = new Verb("export", "Writes a checkpoint's weights for other programs.", "disttrain checkpoints export runs/digits --format onnx --out digits.onnx") { checkpoint, format, file, weights, output };
        verb.SetAction(parse =>
        {
            var terminal = parse.Terminal(output);
            var wanted = parse.GetValue(format)!;
            if (wanted is not ("safetensors" or "onnx")) throw new CommandException(ExitCode.Usage, $"--format is {wanted}. It must be safetensors or onnx.");
            var place = CheckpointPlace.Find(parse.GetValue(checkpoint)!);
            var plan = JobPlanner.Plan(place.Job(), shardsMatter: false);
            var (values, manifest) = Read(place, plan, parse.GetValue(weights)!);
            var path = parse.GetValue(file) ?? $"{plan.Spec.Name}.{wanted}";
            try
            {
                if (wanted == "onnx") File.WriteAllBytes(path, OnnxGraph.Export(plan.Network, values, plan.Spec.Name));
                else
                {
                    using var stream = File.Create(path);
                    StateDict.Write(stream, plan.Job.Layout, values, new Dictionary<string, string> { ["format"] = "pt", ["job"] = plan.Spec.Name, ["checkpoint"] = manifest });
                }
            }
            catch (NotSupportedException missing)
            {
                throw new CommandException(ExitCode.Usage, missing.Message);
            }
            catch (Exception wrong) when (wrong is IOException or UnauthorizedAccessException)
            {
                throw new CommandException(ExitCode.Usage, $"{path} cannot be written: {wrong.Message}");
            }
            var bytes = new FileInfo(path).Length;
            if (terminal.Json) terminal.WriteJson(new JsonObject { ["status"] = "ok", ["file"] = path, ["format"] = wanted, ["bytes"] = bytes, ["parameters"] = plan.Job.Layout.ParameterCount, ["checkpoint"] = manifest });
            else terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{path}: {plan.Job.Layout.ParameterCount:N0} parameters of {manifest}, {bytes:N0} bytes"));
            return ExitCode.Ok;
        });
        return verb;
    }

    private static (float[] Weights, string Manifest) Read(CheckpointPlace place, PlannedJob plan, string state)
    {
        string? reason = null;
        foreach (var name in place.Manifests.Reverse())
        {
            try
            {
                return (state == "weights" ? place.Store.ReadWeights(name, plan.Job.Layout) : place.Store.ReadWeights(name, plan.Job.Layout, state), name);
            }
            catch (Exception wrong) when (wrong is InvalidDataException or IOException)
            {
                reason ??= $"{name}: {wrong.Message}";
            }
        }
        throw new CommandException(ExitCode.JobFailed, $"no checkpoint in {place.Store.Folder} can be used. {reason}");
    }
}
