using System.Globalization;
using System.Text;
using DistTrain.Contracts;
using Microsoft.AspNetCore.Http;

namespace DistTrain.Dashboard;

/// <summary>
/// A job's metrics: live where the viewer asks for text/event-stream; else JSON, as ?points=N for a chart (min/max kept, "N of M points"), or a page of
/// single points (?after=, ?limit=); with ?format=csv all points as CSV.
/// </summary>
internal static class MetricRoutes
{
    private const int Most = 10_000;
    private const string CsvHeader = "sequence,kind,step,epoch,seconds,loss,accuracy,samples,learning_rate,gradient_norm,clipped_norm,values\n";

    public static async Task Metrics(ApiRequest request)
    {
        var (cluster, job, after) = (request.Cluster, request.Job, request.After);
        var status = await cluster.GetAsync(job, request.Cancellation).ConfigureAwait(false);
        if (request.WantsStream)
        {
            var stream = await EventStream.OpenAsync(request.Http).ConfigureAwait(false);
            await stream.FollowAsync(request, cluster.MetricsAsync(job, after, request.Cancellation), p => (p.Kind, p.Sequence), ClusterJson.Plain.MetricPoint).ConfigureAwait(false);
        }
        else if (request.Number("points", 2, 100_000) is { } points)
        {
            await Answer.JsonAsync(request.Http, await request.Of<HistoryShelf>().ReadAsync(job, (int)points, request.Cancellation).ConfigureAwait(false), ClusterJson.Plain.MetricHistory).ConfigureAwait(false);
        }
        else if (request.Http.Request.Query["format"] == "csv")
        {
            await CsvAsync(request, status, after).ConfigureAwait(false);
        }
        else
        {
            var (page, more) = await Snapshot.PointsAsync(cluster, status, after, (int)(request.Number("limit", 1, Most) ?? 1000), request.Cancellation).ConfigureAwait(false);
            await Answer.JsonAsync(request.Http, new MetricPage(page, page.Count > 0 ? page[^1].Sequence : after, more), ClusterJson.Plain.MetricPage).ConfigureAwait(false);
        }
    }

    private static async Task CsvAsync(ApiRequest request, JobStatus status, long after)
    {
        var response = request.Http.Response;
        response.ContentType = "text/csv; charset=utf-8";
        response.Headers.ContentDisposition = $"attachment; filename=\"{status.Job}.csv\"";
        await response.WriteAsync(CsvHeader, request.Cancellation).ConfigureAwait(false);
        var (text, more) = (new StringBuilder(), true);
        while (more)
        {
            (var page, more) = await Snapshot.PointsAsync(request.Cluster, status, after, Most, request.Cancellation).ConfigureAwait(false);
            foreach (var p in page)
                text.Append(CultureInfo.InvariantCulture, $"{p.Sequence},{p.Kind},{p.Step},{Cell(p.Epoch)},{Cell(p.Seconds)},{Cell(p.Loss)},{Cell(p.Accuracy)},{p.Samples},{Cell(p.LearningRate)},{Cell(p.GradientNorm)},{Cell(p.ClippedNorm)},{Values(p.Values)}\n");
            if (page.Count > 0) after = page[^1].Sequence;
            await response.WriteAsync(text.ToString(), request.Cancellation).ConfigureAwait(false);
            text.Clear();
        }
    }

    private static string Values(IReadOnlyDictionary<string, double>? values) => values is null ? "" : string.Join(';', values.Select(v => $"{v.Key}={Cell(v.Value)}"));

    private static string Cell(double value) => double.IsNaN(value) ? "" : value.ToString("R", CultureInfo.InvariantCulture);
}
