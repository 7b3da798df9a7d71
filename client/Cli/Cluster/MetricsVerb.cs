using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using DistTrain.Contracts;

namespace DistTrain.Cli;

/// <summary>All metric points of a job of a cluster, or of a run on this machine, at full resolution.</summary>
internal static class MetricsVerb
{
    private const string Header = "sequence,kind,step,epoch,seconds,loss,accuracy,samples,learning_rate,gradient_norm,clipped_norm,values";

    public static Command Make()
    {
        var format = new Option<string>("--format") { Description = "csv; json: one object a line; tfevents: a TensorBoard event file in the folder --out.", DefaultValueFactory = _ => "csv" }.AcceptOnlyFromAmong("csv", "json", "tfevents");
        var folder = new Option<string>("--out") { Description = "Folder for tfevents.", DefaultValueFactory = _ => "tensorboard" };
        var job = new Argument<string>("job") { Description = "A job of a cluster, or the folder of a run, such as runs/digits." };
        var server = new ServerOptions();
        var verb = new Verb("metrics", "Prints a job's metrics, or a run's: one row for each step and evaluation.", "disttrain metrics runs/digits > metrics.csv", "disttrain metrics runs/digits --format tfevents --out tensorboard", "disttrain metrics mnist-lenet-1a2b3c --format csv > metrics.csv") { job, format, folder };
        server.AddTo(verb);
        verb.SetAction(async (parse, cancellation) =>
        {
            var (named, form) = (parse.GetValue(job)!, parse.GetValue(format)!);
            if (form != "tfevents" && parse.GetResult(folder) is { Implicit: false }) throw new CommandException(ExitCode.Usage, $"--out is set, and --format is {form}, which is printed. Set --format tfevents, or leave --out out.");
            if (!server.IsNamed(parse, asOption: true) && RunPoints.IsFolder(named)) return OfRun(parse.Terminal(server.Output), named, form, parse.GetValue(folder)!);
            return await server.AskAsync(parse, async (client, terminal) =>
            {
                var id = await JobVerbs.IdAsync(client, named, cancellation).ConfigureAwait(false);
                using var writing = new Writing(terminal, form, form == "tfevents" ? EventFile.Create(parse.GetValue(folder)!, id, (await client.GetAsync(id, cancellation).ConfigureAwait(false)).Submitted) : null);
                for (var (after, more) = (0L, true); more;)
                {
                    var page = await client.MetricPageAsync(id, after, cancellation: cancellation).ConfigureAwait(false);
                    foreach (var point in page.Points) writing.Add(point);
                    (after, more) = (page.After, page.More);
                }
                writing.End();
                return ExitCode.Ok;
            }).ConfigureAwait(false);
        });
        return verb;
    }

    private static int OfRun(Terminal terminal, string run, string form, string into)
    {
        var points = RunPoints.Read(run);
        using var writing = new Writing(terminal, form, form == "tfevents" ? EventFile.Create(into, Path.GetFileName(Path.GetFullPath(run).TrimEnd(Path.DirectorySeparatorChar)), RunPoints.Began(run)) : null);
        foreach (var point in points) writing.Add(point);
        writing.End();
        return ExitCode.Ok;
    }

    private static string Row(MetricPoint p) => string.Create(CultureInfo.InvariantCulture,
        $"{p.Sequence},{p.Kind},{p.Step},{Cell(p.Epoch)},{Cell(p.Seconds)},{Cell(p.Loss)},{Cell(p.Accuracy)},{p.Samples},{Cell(p.LearningRate)},{Cell(p.GradientNorm)},{Cell(p.ClippedNorm)},{Values(p.Values)}");

    // Which layers there are differs from job to job, so their figures share a column: layer/0/gradNorm=0.25;layer/2/gradNorm=0.5
    private static string Values(IReadOnlyDictionary<string, double>? values) => values is null ? "" : string.Join(';', values.Select(v => $"{v.Key}={Cell(v.Value)}"));

    private static string Cell(double value) => double.IsNaN(value) ? "" : value.ToString("R", CultureInfo.InvariantCulture);

    /// <summary>Points to where they were asked for: rows, objects, an event file.</summary>
    private sealed class Writing : IDisposable
    {
        private readonly Terminal _terminal;
        private readonly EventFile? _board;
        private readonly bool _csv;
        private int _points;

        public Writing(Terminal terminal, string form, EventFile? board)
        {
            (_terminal, _board, _csv) = (terminal, board, form == "csv" && !terminal.Json);
            if (_csv) terminal.Out.WriteLine(Header);
        }

        public void Add(MetricPoint point)
        {
            _points++;
            if (_board is not null) _board.Write(point.Kind == "step", point.Step, point.Seconds, point.Loss, point.Accuracy, point.LearningRate, point.GradientNorm, point.ClippedNorm, point.Values);
            else if (_csv) _terminal.Out.WriteLine(Row(point));
            else JobText.WriteJson(_terminal, point, ClusterJson.Plain.MetricPoint);
        }

        public void End()
        {
            if (_board is not null && _terminal.Json) _terminal.WriteJson(new JsonObject { ["file"] = _board.Path, ["points"] = _points });
            else if (_board is not null) _terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{_board.Path}: {_points} points"));
        }

        public void Dispose() => _board?.Dispose();
    }
}
