using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using DistTrain.Contracts;
using DistTrain.Training;
using Spectre.Console;

namespace DistTrain.Cli;

internal static class CheckpointsVerb
{
    public static Command Make() => new Verb("checkpoints", "Lists, verifies and exports checkpoints.", "disttrain checkpoints ls runs/digits") { List(), Verify(), ExportVerb.Make() };

    private static Verb List()
    {
        var path = Place();
        var server = new ServerOptions();
        var verb = new Verb("ls", "Lists the checkpoints of a run on this machine, or of a job on a cluster.", "disttrain checkpoints ls runs/digits", "disttrain checkpoints ls mnist-lenet-1a2b3c --server http://127.0.0.1:7070") { path };
        server.AddTo(verb);
        verb.SetAction(async (parse, cancellation) =>
        {
            var terminal = parse.Terminal(server.Output);
            var named = parse.GetValue(path)!;
            if (server.IsNamed(parse) && !Path.Exists(named)) return await server.AskAsync(parse, async (client, _) => Show(terminal, await client.CheckpointsAsync(await JobVerbs.IdAsync(client, named, cancellation).ConfigureAwait(false), cancellation).ConfigureAwait(false))).ConfigureAwait(false);
            var place = CheckpointPlace.Find(parse.GetValue(path)!);
            var table = new Table().Border(TableBorder.Simple).AddColumns("checkpoint", "step", "epoch", "test loss", "test accuracy", "size");
            foreach (var name in place.Manifests)
            {
                var (manifest, damage) = Read(place.Store, name);
                if (terminal.Json) terminal.WriteJson(Json(place.Store, name, manifest, damage));
                else if (manifest is null) table.AddRow(name, "", "", "", "", Markup.Escape($"damaged: {damage}"));
                else
                    table.AddRow(name, manifest.Step.ToString("N0", CultureInfo.InvariantCulture), $"{manifest.Epoch}", Number(manifest.LastEvaluation.MeanLoss, "F4"), Number(100 * manifest.LastEvaluation.Accuracy, "F2"),
                        string.Create(CultureInfo.InvariantCulture, $"{(manifest.Shards.Sum(s => s.Bytes) + manifest.LossLog.Bytes) / 1024.0:N0} KiB"));
            }
            if (!terminal.Json) terminal.Drawing(terminal.Out, terminal.OutDraws).Write(table);
            return ExitCode.Ok;
        });
        return verb;
    }

    private static int Show(Terminal terminal, IReadOnlyList<CheckpointReport> checkpoints)
    {
        if (terminal.Json)
        {
            JobText.WriteJson(terminal, [.. checkpoints], ClusterJson.Plain.CheckpointReportArray);
            return ExitCode.Ok;
        }
        var table = new Table().Border(TableBorder.Simple).AddColumns("checkpoint", "step", "test loss", "test accuracy", "size", "at");
        foreach (var c in checkpoints)
            table.AddRow(Markup.Escape(c.Manifest), c.Step.ToString("N0", CultureInfo.InvariantCulture), Number(c.TestLoss, "F4"), Number(100 * c.TestAccuracy, "F2"), string.Create(CultureInfo.InvariantCulture, $"{c.Bytes / 1024.0:N0} KiB"), c.At.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture));
        terminal.Drawing(terminal.Out, terminal.OutDraws).Write(table);
        return ExitCode.Ok;
    }

    private static Verb Verify()
    {
        var path = Place();
        var output = SharedOptions.Output();
        var verb = new Verb("verify", "Reads every byte of checkpoints and checks it against the manifests' digests.", "disttrain checkpoints verify runs/digits") { path, output };
        verb.SetAction(parse =>
        {
            var terminal = parse.Terminal(output);
            var place = CheckpointPlace.Find(parse.GetValue(path)!);
            var (good, bad) = (0, 0);
            foreach (var name in place.Manifests)
            {
                var problems = place.Store.Verify(name);
                if (problems.Count == 0) good++;
                else bad++;
                if (terminal.Json) terminal.WriteJson(new JsonObject { ["checkpoint"] = Path.Combine(place.Store.Folder, name), ["verified"] = problems.Count == 0, ["problems"] = new JsonArray([.. problems.Select(p => JsonValue.Create(p.Problem))]) });
                else terminal.Out.WriteLine(problems.Count == 0 ? $"ok       {name}" : $"DAMAGED  {string.Join(Environment.NewLine + "         ", problems.Select(p => p.Problem).Prepend(name))}");
            }
            if (terminal.Json) terminal.WriteJson(new JsonObject { ["total"] = good + bad, ["verified"] = good, ["damaged"] = bad });
            return bad > 0 ? ExitCode.Findings : ExitCode.Ok;
        });
        return verb;
    }

    private static Argument<string> Place() => new("checkpoint") { Description = "A run's folder, its checkpoints folder, or one manifest." };

    private static (ManifestFile? Manifest, string? Damage) Read(CheckpointStore store, string name)
    {
        try
        {
            return (store.ReadManifest(name), null);
        }
        catch (Exception wrong) when (wrong is InvalidDataException or IOException)
        {
            return (null, wrong.Message);
        }
    }

    private static JsonObject Json(CheckpointStore store, string name, ManifestFile? manifest, string? damage) => manifest is null
        ? new JsonObject { ["checkpoint"] = Path.Combine(store.Folder, name), ["damaged"] = damage }
        : new JsonObject
        {
            ["checkpoint"] = Path.Combine(store.Folder, name), ["job"] = manifest.Job, ["identity"] = manifest.Identity, ["step"] = manifest.Step, ["epoch"] = manifest.Epoch,
            ["testLoss"] = Terminal.Finite(manifest.LastEvaluation.MeanLoss), ["testAccuracy"] = Terminal.Finite(manifest.LastEvaluation.Accuracy),
            ["bytes"] = manifest.Shards.Sum(s => s.Bytes) + manifest.LossLog.Bytes, ["shards"] = manifest.Shards.Count,
        };

    private static string Number(double value, string format) => double.IsFinite(value) ? value.ToString(format, CultureInfo.InvariantCulture) : "";
}
