using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using DistTrain.Learning;
using DistTrain.Training.Specs;

namespace DistTrain.Cli;

internal static class DataVerb
{
    public static Command Make() => new Verb("data", "Fetches published data sets; shows what a data set holds.", "disttrain data get mnist", "disttrain data inspect idx data/mnist") { Get(), Inspect() };

    private static Verb Get()
    {
        var name = new Argument<string>("name") { Description = $"One of {string.Join(", ", DownloadSet.All.Select(s => s.Name))}." };
        var folder = new Option<string?>("--folder") { Description = "Where the files go; data/NAME unless given." };
        var mirror = new Option<string?>("--mirror") { Description = "A folder of a server to fetch from instead, http or https.", HelpName = "url" };
        var output = SharedOptions.Output();
        var verb = new Verb("get", "Downloads a data set, checks its SHA-256, goes on where an earlier download broke off.", "disttrain data get mnist") { name, folder, mirror, output };
        verb.SetAction(async (parse, cancellation) =>
        {
            var terminal = parse.Terminal(output);
            var wanted = parse.GetValue(name)!;
            var set = DownloadSet.Find(wanted) ?? throw new CommandException(ExitCode.Usage, $"the data set is {wanted}. It must be one of {string.Join(", ", DownloadSet.All.Select(s => s.Name))}.{NearestName.Suggest(wanted, DownloadSet.All.Select(s => s.Name))}");
            if (parse.GetValue(mirror) is { } address)
                set = Uri.TryCreate(address.EndsWith('/') ? address : address + "/", UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"
                    ? set with { Mirrors = [uri!] } : throw new CommandException(ExitCode.Usage, $"--mirror is {address}. It must be an address such as https://example.org/mnist/.");
            var target = parse.GetValue(folder) ?? Path.Combine("data", wanted);
            using var signals = new StopSignals(cancellation, () => terminal.Error.WriteLine("stopping; what came is kept"));
            using var http = new HttpClient();
            try
            {
                var paths = await new DataDownload(http, TimeProvider.System).Get(set, target, new PercentLines(terminal.Error), signals.Token).ConfigureAwait(false);
                if (terminal.Json) terminal.WriteJson(new JsonObject { ["status"] = "ok", ["folder"] = target, ["files"] = new JsonArray([.. paths.Select(p => JsonValue.Create(p))]) });
                else terminal.Out.WriteLine($"{wanted}: {paths.Count} files in {target}, checked{Environment.NewLine}next:{Environment.NewLine}  {Invocation.Name} train --set data.format=idx --set data.path={target} --set name={wanted}");
                return ExitCode.Ok;
            }
            catch (DatasetException unreachable) when (unreachable.InnerException is null && unreachable.Message.Contains("could not be fetched", StringComparison.Ordinal))
            {
                throw new CommandException(ExitCode.Unreachable, unreachable.Message);
            }
            catch (OperationCanceledException) when (signals.Token.IsCancellationRequested)
            {
                throw new CommandException(ExitCode.Interrupted, $"interrupted. The same command goes on from here: {Invocation.Name} data get {wanted}");
            }
        });
        return verb;
    }

    private static Verb Inspect()
    {
        var format = new Argument<string>("source") { Description = "A format (digits, idx, cifar10, csv, text, images), or a job file whose data is meant.", Arity = ArgumentArity.ExactlyOne };
        var path = new Argument<string?>("path") { Description = "The format's folder or file.", Arity = ArgumentArity.ZeroOrOne };
        var output = SharedOptions.Output();
        var verb = new Verb("inspect", "Shows samples, shapes, classes and statistics of a data set.", "disttrain data inspect idx data/mnist", "disttrain data inspect my-job.yaml") { format, path, output };
        verb.SetAction(parse =>
        {
            var terminal = parse.Terminal(output);
            var source = parse.GetValue(format)!;
            var isJob = File.Exists(source) || source.EndsWith(".yaml", StringComparison.OrdinalIgnoreCase) || source.EndsWith(".json", StringComparison.OrdinalIgnoreCase);
            var file = isJob ? JobOptions.Load(source, []) : JobFile.BuiltIn(new SpecOverride("data.format", source, $"source {source}"), new SpecOverride("data.path", parse.GetValue(path) is { } given ? System.Text.Json.JsonSerializer.Serialize(given) : "", $"path {parse.GetValue(path)}"));
            var split = JobPlanner.Open(file);
            if (terminal.Json) terminal.WriteJson(new JsonObject { ["train"] = Json(split.Train), ["test"] = Json(split.Test) });
            else
            {
                Draw(terminal, "train", split.Train);
                Draw(terminal, "test", split.Test);
                if (split.Train.InputShape is { Rank: 3 } image && image[0] == 1) terminal.Out.Write(FirstSample(split.Train));
            }
            return ExitCode.Ok;
        });
        return verb;
    }

    private static JsonObject Json(Dataset data)
    {
        if (data is TextSet text)
            return new JsonObject
            {
                ["description"] = data.Identity.Description, ["samples"] = data.Count, ["input"] = new JsonArray(data.InputShape[0]), ["vocabulary"] = data.Vocabulary,
                ["characters"] = text.Tokens.Decode(Enumerable.Range(0, text.Tokens.Count)), ["bytes"] = data.Identity.Bytes, ["sha256"] = data.Identity.Sha256,
            };
        var statistics = ChannelStatistics.Of(data);
        return new JsonObject
        {
            ["description"] = data.Identity.Description, ["samples"] = data.Count, ["input"] = new JsonArray([.. data.InputShape.Axes.ToArray().Select(a => JsonValue.Create(a))]),
            ["classes"] = data.Classes, ["perClass"] = new JsonArray([.. PerClass(data).Select(c => JsonValue.Create(c))]),
            ["mean"] = new JsonArray([.. statistics.Mean.Select(m => JsonValue.Create(m))]), ["deviation"] = new JsonArray([.. statistics.Deviation.Select(d => JsonValue.Create(d))]),
            ["bytes"] = data.Identity.Bytes, ["sha256"] = data.Identity.Sha256,
        };
    }

    private static void Draw(Terminal terminal, string name, Dataset data)
    {
        if (data is TextSet text)
        {
            terminal.Out.WriteLine($"{name,-6}{data.Count:N0} samples of {data.InputShape}, {data.Vocabulary} tokens: {data.Identity.Description}");
            terminal.Out.WriteLine($"      {System.Text.Json.JsonSerializer.Serialize(text.Tokens.Decode(Enumerable.Range(0, text.Tokens.Count)))}");
            terminal.Out.WriteLine($"      sha256 {data.Identity.Sha256}");
            return;
        }
        var statistics = ChannelStatistics.Of(data);
        terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-6}{data.Count:N0} samples of {data.InputShape}{(data.Classes > 0 ? $", {data.Classes} classes" : $", targets {data.TargetShape}")}: {data.Identity.Description}"));
        if (data.Classes > 0) terminal.Out.WriteLine($"      per class {string.Join(" ", PerClass(data))}");
        terminal.Out.WriteLine($"      mean {Shown(statistics.Mean)}, deviation {Shown(statistics.Deviation)}");
        terminal.Out.WriteLine($"      sha256 {data.Identity.Sha256}");
    }

    private static int[] PerClass(Dataset data)
    {
        var counts = new int[data.Classes];
        if (data.Classes == 0) return counts;
        var (input, target) = (new float[data.InputShape.Length], new int[data.TargetShape.Length]);
        for (var i = 0; i < data.Count; i++)
        {
            data.Read(i, input, target);
            foreach (var label in target) counts[label]++;
        }
        return counts;
    }

    private static string Shown(IReadOnlyList<double> values) =>
        string.Join(" ", values.Take(8).Select(v => v.ToString("G5", CultureInfo.InvariantCulture))) + (values.Count > 8 ? $" ... ({values.Count})" : "");

    private static string FirstSample(Dataset data)
    {
        var input = new float[data.InputShape.Length];
        data.Read(0, input, new int[data.TargetShape.Length]);
        return CharacterPicture.Of(input, data.InputShape[1], data.InputShape[2]);
    }

    private sealed class PercentLines(TextWriter error) : IProgress<DownloadProgress>
    {
        private int _percent = -1;

        public void Report(DownloadProgress value)
        {
            var percent = (int)(100 * value.DoneBytes / Math.Max(1, value.TotalBytes));
            if (percent / 10 == _percent / 10 && _percent >= 0) return;
            _percent = percent;
            error.WriteLine($"{percent,3} %  {value.File.Name}");
        }
    }
}
