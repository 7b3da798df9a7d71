using DistTrain.Contracts;

namespace DistTrain.Dashboard;

/// <summary>A job's events: live where the viewer asks for text/event-stream, a page of JSON otherwise (?after=, ?limit=).</summary>
internal static class EventRoutes
{
    private const int Most = 10_000;

    public static async Task Events(ApiRequest request)
    {
        var (cluster, job, after) = (request.Cluster, request.Job, request.After);
        var status = await cluster.GetAsync(job, request.Cancellation).ConfigureAwait(false); // an unknown job is a 404, not an empty stream
        if (request.WantsStream)
        {
            var stream = await EventStream.OpenAsync(request.Http).ConfigureAwait(false);
            await stream.FollowAsync(request, cluster.EventsAsync(job, after, request.Cancellation), e => ("event", e.Sequence), ClusterJson.Plain.TrainingEvent).ConfigureAwait(false);
            return;
        }
        var limit = (int)(request.Number("limit", 1, Most) ?? 1000);
        var asked = request.Of<TimeProvider>().GetUtcNow();
        var (events, more) = await Snapshot.TakeAsync(c => cluster.EventsAsync(job, after, c), e => !JobStates.IsEnd(status.State) && e.At > asked, Snapshot.Silence(status), limit, request.Cancellation).ConfigureAwait(false);
        await Answer.JsonAsync(request.Http, new EventPage(events, events.Count > 0 ? events[^1].Sequence : after, more), ClusterJson.Plain.EventPage).ConfigureAwait(false);
    }
}
