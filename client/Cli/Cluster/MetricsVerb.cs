using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using DistTrain.Contracts;

namespace DistTrain.Cli;

/// <summary>All of a job's metric points, at full resolution.</summary>
internal static class MetricsVerb
{
    private const string Header = "sequence,kind,step,epoch,seconds,loss,accuracy,samples,learning_rate,gradient_norm,clipped_norm,values";

    public static Command Make()
    {
        var format = new Option<string>("--format") { Description = "csv; json: one object a line; tfevents: a TensorBoard event file in the folder --out.", DefaultValueFactory = _ => "csv" }.AcceptOnlyFromAmong("csv", "json", "tfevents");
        var folder = new Option<string>("--out") { Description = "Folder for tfevents.", DefaultValueFactory = _ => "tensorboard" };
        return JobVerbs.Make("metrics", "Prints a job's metrics: one row for each step and evaluation.", JobVerbs.Job(), ["disttrain metrics mnist-lenet-1a2b3c --format csv > metrics.csv"], async (client, job, terminal, parse, cancellation) =>
        {
            using var board = parse.GetValue(format) == "tfevents" ? EventFile.Create(parse.GetValue(folder)!, job, (await client.GetAsync(job, cancellation).ConfigureAwait(false)).Submitted) : null;
            var points = 0;
            var csv = parse.GetValue(format) == "csv" && !terminal.Json;
            if (csv) terminal.Out.WriteLine(Header);
            for (var (after, more) = (0L, true); more;)
            {
                var page = await client.MetricPageAsync(job, after, cancellation: cancellation).ConfigureAwait(false);
                foreach (var point in page.Points)
                {
                    points++;
                    if (board is not null) board.Write(point.Kind == "step", point.Step, point.Seconds, point.Loss, point.Accuracy, point.LearningRate, point.GradientNorm, point.ClippedNorm, point.Values);
                    else if (csv) terminal.Out.WriteLine(Row(point));
                    else JobText.WriteJson(terminal, point, ClusterJson.Plain.MetricPoint);
                }
                (after, more) = (page.After, page.More);
            }
            if (board is not null && terminal.Json) terminal.WriteJson(new JsonObject { ["file"] = board.Path, ["points"] = points });
            else if (board is not null) terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{board.Path}: {points} points"));
            return ExitCode.Ok;
        }, [format, folder]);
    }

    private static string Row(MetricPoint p) => string.Create(CultureInfo.InvariantCulture,
        $"{p.Sequence},{p.Kind},{p.Step},{Cell(p.Epoch)},{Cell(p.Seconds)},{Cell(p.Loss)},{Cell(p.Accuracy)},{p.Samples},{Cell(p.LearningRate)},{Cell(p.GradientNorm)},{Cell(p.ClippedNorm)},{Values(p.Values)}");

    // Which layers there are differs from job to job, so their figures share a column: layer/0/gradNorm=0.25;layer/2/gradNorm=0.5
    private static string Values(IReadOnlyDictionary<string, double>? values) => values is null ? "" : string.Join(';', values.Select(v => $"{v.Key}={Cell(v.Value)}"));

    private static string Cell(double value) => double.IsNaN(value) ? "" : value.ToString("R", CultureInfo.InvariantCulture);
}
