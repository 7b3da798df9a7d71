using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using DistTrain.Contracts;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace DistTrain.Dashboard;

/// <summary>Server-sent events to one viewer: <c>id</c>, <c>event</c>, <c>data</c>; a comment where nothing was said for a while, so that a dead connection shows. For one writer.</summary>
internal sealed class EventStream
{
    private readonly HttpResponse _response;
    private readonly ArrayBufferWriter<byte> _buffer = new();

    private EventStream(HttpResponse response, TimeSpan heartbeat) => (_response, Heartbeat) = (response, heartbeat);

    public TimeSpan Heartbeat { get; }

    public static async Task<EventStream> OpenAsync(HttpContext context)
    {
        context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        context.Response.ContentType = "text/event-stream; charset=utf-8";
        context.Response.Headers.CacheControl = "no-store";
        context.Response.Headers["X-Accel-Buffering"] = "no"; // a proxy in front must not collect them
        var stream = new EventStream(context.Response, context.RequestServices.GetRequiredService<IOptions<DashboardOptions>>().Value.Heartbeat);
        stream.Raw("retry: 1000\n\n");
        await stream.FlushAsync(context.RequestAborted).ConfigureAwait(false);
        return stream;
    }

    /// <summary>Adds an event to what the next flush sends.</summary>
    /// <param name="id">What a viewer that lost its connection says it saw last.</param>
    public void Add<T>(string name, string id, T data, JsonTypeInfo<T> type)
    {
        if (id.Length > 0) Raw($"id: {id}\n");
        Raw($"event: {name}\ndata: ");
        using (var json = new Utf8JsonWriter(_buffer, new JsonWriterOptions { SkipValidation = true, Encoder = type.Options.Encoder })) JsonSerializer.Serialize(json, data, type);
        Raw("\n\n");
    }

    public void AddHeartbeat() => Raw(": still here\n\n");

    public int Pending => _buffer.WrittenCount;

    public async Task FlushAsync(CancellationToken cancellation)
    {
        await _response.Body.WriteAsync(_buffer.WrittenMemory, cancellation).ConfigureAwait(false);
        await _response.Body.FlushAsync(cancellation).ConfigureAwait(false);
        _buffer.ResetWrittenCount();
    }

    /// <summary>Every item as an event under its sequence number, then <c>end</c> with the job's last status; a refusal on the way is the event <c>problem</c>.</summary>
    public async Task FollowAsync<T>(ApiRequest request, IAsyncEnumerable<T> items, Func<T, (string Name, long Sequence)> describe, JsonTypeInfo<T> type)
    {
        const int Largest = 1 << 16;
        var last = 0L;
        try
        {
            var cursor = items.GetAsyncEnumerator(request.Cancellation);
            await using (cursor.ConfigureAwait(false))
            {
                var next = cursor.MoveNextAsync();
                while (true)
                {
                    if (!next.IsCompleted)
                    {
                        if (Pending > 0) await FlushAsync(request.Cancellation).ConfigureAwait(false);
                        var moved = next.AsTask();
                        next = new ValueTask<bool>(moved);
                        await Task.WhenAny(moved, Task.Delay(Heartbeat, request.Cancellation)).ConfigureAwait(false);
                        request.Cancellation.ThrowIfCancellationRequested();
                        if (moved.IsCompleted) continue;
                        AddHeartbeat();
                        continue;
                    }
                    if (!await next.ConfigureAwait(false)) break;
                    var (name, sequence) = describe(cursor.Current);
                    last = sequence;
                    Add(name, sequence.ToString(CultureInfo.InvariantCulture), cursor.Current, type);
                    if (Pending >= Largest) await FlushAsync(request.Cancellation).ConfigureAwait(false);
                    next = cursor.MoveNextAsync();
                }
            }
            Add("end", last.ToString(CultureInfo.InvariantCulture), await request.Cluster.GetAsync(request.Job, request.Cancellation).ConfigureAwait(false), ClusterJson.Plain.JobStatus);
        }
        catch (ClusterException refused)
        {
            Add("problem", "", Answer.Report(refused), ClusterJson.Plain.ProblemReport);
        }
        await FlushAsync(request.Cancellation).ConfigureAwait(false);
    }

    private void Raw(string text) => Encoding.UTF8.GetBytes(text, _buffer);
}
