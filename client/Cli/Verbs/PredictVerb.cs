using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using DistTrain.Kernels;
using DistTrain.Learning;
using DistTrain.Training.Specs;

namespace DistTrain.Cli;

internal static class PredictVerb
{
    public static Command Make()
    {
        var checkpoint = new Argument<string>("checkpoint") { Description = "A run's folder, its checkpoints folder, or one manifest." };
        var input = new Argument<string>("input") { Description = "test:N or train:N for a sample of the job's data; a file of numbers (CSV, spaces) with one sample a line; a PNG or PGM image; - for standard input." };
        var with = new Option<string[]>("--with") { Description = "More runs whose answers are averaged with the first's: an ensemble.", AllowMultipleArgumentsPerToken = true };
        var crops = new Option<int>("--crops") { Description = "Views of an image that are averaged: 1, 2 (mirrored), 5 (shifted to the corners) or 10 (both).", DefaultValueFactory = _ => 1 };
        var length = new Option<int>("--length") { Description = "Characters that a language model writes.", DefaultValueFactory = _ => 300 };
        var temperature = new Option<double>("--temperature") { Description = "How freely a language model draws: 0 = always the likeliest, 1 = as it learned.", DefaultValueFactory = _ => 0.8 };
        var seed = new Option<ulong>("--seed") { Description = "Of what a language model draws.", DefaultValueFactory = _ => 1 };
        var raw = new Option<bool>("--raw") { Description = "The network's outputs as they are, without softmax, at every position." };
        var output = SharedOptions.Output();
        var verb = new Verb("predict", "Runs a checkpoint's network on samples; a language model goes on from a text.", "disttrain predict runs/digits test:0", "disttrain predict runs/digits image.png -o json", "disttrain predict runs/a test:0 --with runs/b --with runs/c --crops 10", "disttrain predict runs/shakespeare \"ROMEO:\" --length 500") { checkpoint, input, with, crops, length, temperature, seed, raw, output };
        verb.SetAction(parse =>
        {
            var terminal = parse.Terminal(output);
            var place = CheckpointPlace.Find(parse.GetValue(checkpoint)!);
            var plan = JobPlanner.Plan(place.Job(), shardsMatter: false);
            var writes = plan.Job.Data.Train is TextSet && !parse.GetValue(raw) && !parse.GetValue(input)!.StartsWith("test:", StringComparison.Ordinal) && !parse.GetValue(input)!.StartsWith("train:", StringComparison.Ordinal);
            var samples = writes ? [] : PredictInput.Read(parse.GetValue(input)!, plan);
            var (weights, manifest) = place.Weights(plan);
            using var device = new CpuDevice(1);
            using var buffer = device.Allocate(weights.Length);
            buffer.Write(0, weights);
            using var replica = plan.Job.MakeReplica(device);
            if (writes)
            {
                if (parse.GetValue(length) is < 1 or > 1_000_000) throw new CommandException(ExitCode.Usage, $"--length is {parse.GetValue(length)}. It must be between 1 and 1,000,000.");
                if (parse.GetValue(temperature) is not (>= 0 and <= 100)) throw new CommandException(ExitCode.Usage, $"--temperature is {parse.GetValue(temperature)}. It must be between 0 and 100.");
                Text(terminal, (TextSet)plan.Job.Data.Train, parse.GetValue(input)!, parse.GetValue(length), parse.GetValue(temperature), parse.GetValue(seed), replica, buffer.View, manifest);
                return ExitCode.Ok;
            }
            var classes = plan.Job.Data.Train.TargetKind is TargetKind.Labels && plan.Job.Data.Train.TargetShape.Length == 1;
            var (count, image) = (parse.GetValue(crops), plan.Network.Input);
            if (!TestCrops.Counts.Contains(count)) throw new CommandException(ExitCode.Usage, $"--crops is {count}. It must be one of {string.Join(", ", TestCrops.Counts)}.");
            if (count > 1 && image.Rank != 3) throw new CommandException(ExitCode.Usage, $"--crops is {count}. It must be 1: the network takes {image}, which is no image [channels, height, width].");
            using var others = new EnsembleMembers(plan, parse.GetValue(with) ?? []);
            var ensemble = new Ensemble([(replica, buffer.View), .. others.Members], plan.Network.Output.Length, classes);
            foreach (var sample in samples)
            {
                if (parse.GetValue(raw))
                {
                    var outputs = new float[plan.Network.Output.Length];
                    replica.Predict(sample.Values, 1, buffer.View, outputs);
                    Values(terminal, sample, [.. outputs.Select(static v => (double)v)], manifest);
                    continue;
                }
                var answer = ensemble.Predict(count == 1 ? [sample.Values] : TestCrops.Of(sample.Values, image, count));
                if (classes) Label(terminal, plan, sample, answer, manifest);
                else Values(terminal, sample, answer, manifest);
            }
            return ExitCode.Ok;
        });
        return verb;
    }

    private static void Text(Terminal terminal, TextSet data, string prompt, int length, double temperature, ulong seed, IReplica replica, View weights, string manifest)
    {
        if (prompt.Length == 0) throw new CommandException(ExitCode.Usage, "the text to go on from is empty. Give at least one character.");
        try
        {
            var written = new TextWriting(replica, weights, data.Tokens, data.InputShape.Length).Write(prompt, length, temperature, seed);
            if (terminal.Json)
            {
                terminal.WriteJson(new JsonObject { ["input"] = prompt, ["text"] = string.Concat(written), ["temperature"] = temperature, ["seed"] = seed, ["checkpoint"] = manifest });
                return;
            }
            terminal.Out.Write(prompt);
            foreach (var character in written) terminal.Out.Write(character);
            terminal.Out.WriteLine();
        }
        catch (DatasetException unknown)
        {
            throw new CommandException(ExitCode.Usage, unknown.Message);
        }
    }

    private static void Label(Terminal terminal, PlannedJob plan, PredictSample sample, double[] shares, string manifest)
    {
        var order = Enumerable.Range(0, shares.Length).OrderByDescending(c => shares[c]).ThenBy(c => c).ToArray();
        if (terminal.Json)
        {
            var json = new JsonObject { ["input"] = sample.Name, ["prediction"] = order[0], ["probabilities"] = new JsonArray([.. shares.Select(s => JsonValue.Create(Math.Round(s, 6)))]), ["checkpoint"] = manifest };
            if (sample.Label is { } known) json["label"] = known;
            terminal.WriteJson(json);
            return;
        }
        if (plan.Network.Input is { Rank: 3 } image && image[0] == 1) terminal.Out.Write(CharacterPicture.Of(sample.Values, image[1], image[2]));
        terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{sample.Name}: {order[0]} ({100 * shares[order[0]]:F1} %){(sample.Label is { } label ? $", labelled {label}" : "")}; then {string.Join(", ", order.Skip(1).Take(2).Select(c => string.Create(CultureInfo.InvariantCulture, $"{c} ({100 * shares[c]:F1} %)")))}"));
    }

    private static void Values(Terminal terminal, PredictSample sample, double[] outputs, string manifest)
    {
        if (terminal.Json) terminal.WriteJson(new JsonObject { ["input"] = sample.Name, ["output"] = new JsonArray([.. outputs.Select(v => JsonValue.Create((float)v))]), ["checkpoint"] = manifest });
        else terminal.Out.WriteLine($"{sample.Name}: {string.Join(" ", outputs.Select(v => ((float)v).ToString(CultureInfo.InvariantCulture)))}");
    }
}
