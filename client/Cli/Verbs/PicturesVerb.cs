using System.CommandLine;
using System.Text.Json.Nodes;
using DistTrain.Learning;
using DistTrain.Training.Specs;

namespace DistTrain.Cli;

/// <summary><c>pictures</c>: a checkpoint's filters, and what its layers make of a sample, as PNG.</summary>
internal static class PicturesVerb
{
    public static Command Make()
    {
        var checkpoint = new Argument<string>("checkpoint") { Description = "A run's folder, its checkpoints folder, or one manifest." };
        var input = new Option<string?>("--of") { Description = "The sample whose feature maps are drawn: test:N, train:N or a file, as predict takes it. Not given: test:0.", HelpName = "input" };
        var units = new Option<int>("--units") { Description = "For each convolution, so many of its strongest filters with the nine patches of the test set that excite them most, and the deconvnet's view of each; 0: none." };
        var samples = new Option<int>("--samples") { Description = "Test samples that --units looks at.", DefaultValueFactory = _ => 500 };
        var folder = new Option<string>("--out") { Description = "Folder for the pictures.", DefaultValueFactory = _ => "pictures" };
        var output = SharedOptions.Output();
        var verb = new Verb("pictures", "Draws a network's filters and its feature maps of a sample as PNG files.", "disttrain pictures runs/digits --of test:3 --out pictures", "disttrain pictures runs/digits --units 8") { checkpoint, input, units, samples, folder, output };
        verb.SetAction(parse =>
        {
            var terminal = parse.Terminal(output);
            var place = CheckpointPlace.Find(parse.GetValue(checkpoint)!);
            var plan = JobPlanner.Plan(place.Job(), shardsMatter: false);
            if (plan.Network.Vocabulary > 0) throw new CommandException(ExitCode.Usage, "the network reads tokens. Pictures are drawn of networks that take images or numbers.");
            var (weights, manifest) = place.Weights(plan);
            var sample = PredictInput.Read(parse.GetValue(input) ?? "test:0", plan)[0];
            var (into, files) = (parse.GetValue(folder)!, new List<string>());
            Directory.CreateDirectory(into);
            foreach (var (layer, picture) in Pictures.Filters(plan.Network, weights)) Save($"filters-{layer}.png", picture);
            foreach (var (layer, picture) in Pictures.FeatureMaps(plan.Network, sample.Values, weights)) Save($"maps-{layer}.png", picture);
            if (parse.GetValue(units) is var many && many < 0 || parse.GetValue(samples) < 1) throw new CommandException(ExitCode.Usage, $"--units is {many} and --samples {parse.GetValue(samples)}. They must be 0 or more and 1 or more.");
            if (many > 0)
            {
                var data = plan.Job.Data.Test;
                var convolutions = UnitPictures.Places(plan.Network);
                if (convolutions.Count == 0) throw new CommandException(ExitCode.Usage, "--units is set, and the network's sequence has no convolution. Leave it out.");
                foreach (var at in convolutions) Save($"units-{plan.Network.Sequence[at].Path}.png", UnitPictures.Draw(plan.Network, weights, at, data, Math.Min(data.Count, parse.GetValue(samples)), many));
            }
            if (terminal.Json) terminal.WriteJson(new JsonObject { ["checkpoint"] = manifest, ["of"] = sample.Name, ["files"] = new JsonArray([.. files.Select(f => JsonValue.Create(f))]) });
            else foreach (var file in files) terminal.Out.WriteLine(file);
            return ExitCode.Ok;

            void Save(string name, Picture picture)
            {
                var path = Path.Combine(into, name);
                using var stream = File.Create(path);
                PngWriter.Write(stream, picture);
                files.Add(path);
            }
        });
        return verb;
    }
}
