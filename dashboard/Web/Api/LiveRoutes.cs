using DistTrain.Contracts;
using Microsoft.Extensions.DependencyInjection;

namespace DistTrain.Dashboard;

/// <summary>
/// One event stream with all that a page shows, so that a page holds one connection. For a job: <c>points</c> (several at a time), <c>event</c>, and
/// whenever they change <c>status</c>, <c>members</c>, <c>waits</c>, <c>verdict</c>, <c>checkpoints</c>; <c>end</c> when nothing follows. For the list: <c>jobs</c>.
/// </summary>
internal static class LiveRoutes
{
    /// <summary>?after= and ?afterEvent= say where to go on; the id of every event is "point.event", for Last-Event-ID.</summary>
    public static async Task Job(ApiRequest request)
    {
        var (after, afterEvent) = Position(request);
        await request.Cluster.GetAsync(request.Job, request.Cancellation).ConfigureAwait(false);
        var stream = await EventStream.OpenAsync(request.Http).ConfigureAwait(false);
        await new LiveJob(request.Job, request.Cluster, request.Of<RecentAnswers>(), stream, after, afterEvent).SendAsync(request.Cancellation).ConfigureAwait(false);
    }

    public static async Task Jobs(ApiRequest request)
    {
        var stream = await EventStream.OpenAsync(request.Http).ConfigureAwait(false);
        var (answers, shown, silent) = (request.Of<RecentAnswers>(), "", TimeSpan.Zero);
        using var timer = new PeriodicTimer(LiveJob.Beat);
        do
        {
            try
            {
                JobStatus[] jobs = [.. await answers.ListAsync().ConfigureAwait(false)];
                var text = System.Text.Json.JsonSerializer.Serialize(jobs, ClusterJson.Plain.JobStatusArray);
                if (text != shown) stream.Add("jobs", "", jobs, ClusterJson.Plain.JobStatusArray);
                shown = text;
            }
            catch (ClusterException refused)
            {
                if (shown != refused.Message) stream.Add("problem", "", Answer.Report(refused), ClusterJson.Plain.ProblemReport);
                shown = refused.Message;
            }
            silent = stream.Pending > 0 ? TimeSpan.Zero : silent + LiveJob.Beat;
            if (silent >= stream.Heartbeat) (silent, _) = (TimeSpan.Zero, Beat(stream));
            if (stream.Pending > 0) await stream.FlushAsync(request.Cancellation).ConfigureAwait(false);
        }
        while (await timer.WaitForNextTickAsync(request.Cancellation).ConfigureAwait(false));
    }

    private static bool Beat(EventStream stream)
    {
        stream.AddHeartbeat();
        return true;
    }

    private static (long After, long AfterEvent) Position(ApiRequest request)
    {
        if (request.Http.Request.Headers["Last-Event-ID"] is [{ } last, ..] && last.Split('.') is [var point, var seen] && long.TryParse(point, out var p) && long.TryParse(seen, out var e)) return (p, e);
        return (request.Number("after", 0, long.MaxValue) ?? 0, request.Number("afterEvent", 0, long.MaxValue) ?? 0);
    }
}
