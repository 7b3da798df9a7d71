using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using DistTrain.Contracts;

namespace DistTrain.Client;

/// <summary>Event streams that outlive the connections they come over.</summary>
internal sealed partial class ServerConnection
{
    // Not a server's event: the stream is open, though nothing has been said yet.
    private const string Opened = " opened";

    // A stream that lasted so long was a good one, whatever ended it.
    private static readonly TimeSpan GoodStream = TimeSpan.FromSeconds(5);

    /// <summary>Items of an event stream, over any number of connections: one that is lost is opened again after the last item seen. Ends with the event <c>end</c>.</summary>
    public async IAsyncEnumerable<T> FollowAsync<T>(string path, long after, Func<T, long> sequence, JsonTypeInfo<T> type, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var (opened, pause, poor) = (false, FirstPause, 0L);
        while (true)
        {
            ClusterException? lost = null;
            var began = long.MaxValue;
            var events = OpenAsync(path, after, cancellation).GetAsyncEnumerator(cancellation);
            await using (events.ConfigureAwait(false))
            {
                while (true)
                {
                    T item;
                    try
                    {
                        if (!await events.MoveNextAsync().ConfigureAwait(false)) break;
                        opened = true;
                        if (events.Current.Name == Opened)
                        {
                            began = Stopwatch.GetTimestamp();
                            continue;
                        }
                        if (events.Current.Name == "end") yield break;
                        if (events.Current.Name == "problem") throw Refusal(events.Current.Data, 503);
                        item = JsonSerializer.Deserialize(events.Current.Data, type)!;
                    }
                    catch (ClusterException gone) when (gone.Error is ClusterError.Unreachable)
                    {
                        lost = gone;
                        break;
                    }
                    catch (Exception torn) when (torn is IOException or HttpRequestException or JsonException)
                    {
                        lost = Unreachable(torn);
                        break;
                    }
                    (pause, poor) = (FirstPause, 0);
                    after = sequence(item);
                    yield return item;
                }
            }
            // The server restarts, or a proxy closed the stream: what was open once is worth waiting for.
            if (began != long.MaxValue && Stopwatch.GetElapsedTime(began) > GoodStream) (pause, poor) = (FirstPause, 0);
            if (lost is null && poor == 0)
            {
                poor = Stopwatch.GetTimestamp(); // closed in order, as proxies do after a while: opened anew without a word
                continue;
            }
            lost ??= new ClusterException(ClusterError.Unreachable, $"{Server} closes its stream again and again. Ask for the job's status, or try later.");
            if (!opened) throw lost;
            if (poor == 0) poor = Stopwatch.GetTimestamp();
            _watch.Lost(lost.Problems[0]);
            if (_watch.Remaining <= TimeSpan.Zero || Stopwatch.GetElapsedTime(poor) > _options.Patience) throw lost;
            await Task.Delay(Shorter(pause, _watch.Remaining), cancellation).ConfigureAwait(false);
            pause = Shorter(pause * 2, LongestPause);
        }
    }

    private async IAsyncEnumerable<ServerEvent> OpenAsync(string path, long after, [EnumeratorCancellation] CancellationToken cancellation)
    {
        using var response = await SendAsync(() =>
        {
            var request = new HttpRequestMessage(HttpMethod.Get, Of(path));
            request.Headers.Accept.ParseAdd("text/event-stream");
            if (after > 0) request.Headers.Add("Last-Event-ID", after.ToString(System.Globalization.CultureInfo.InvariantCulture));
            return request;
        }, cancellation).ConfigureAwait(false);
        yield return new ServerEvent(Opened, "", "");
        var stream = await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
            await foreach (var item in EventStreamReader.ReadAsync(stream, _options.Silence, cancellation).ConfigureAwait(false)) yield return item;
    }
}
