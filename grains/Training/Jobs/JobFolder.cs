using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using DistTrain.Contracts;

namespace DistTrain.Training;

/// <summary>One job of a server on disk: its record, replaced as a whole, and its points and events, a line of JSON each, appended as they come.</summary>
internal sealed class JobFolder(string path)
{
    private const string RecordName = "job.json";
    private const string PointsName = "points.jsonl";
    private const string EventsName = "events.jsonl";

    // A line that a crash keeps from the disk is computed again; writing each by itself would cost more than it saves.
    private static readonly TimeSpan Gather = TimeSpan.FromMilliseconds(250);

    private Written _points;
    private Written _events;

    /// <summary>What a file holds that is whole.</summary>
    private readonly record struct Written(long Count, long Bytes);

    public string Path { get; } = path;

    public static bool HasRecord(string folder) => File.Exists(System.IO.Path.Combine(folder, RecordName));

    /// <exception cref="IOException">The disk refused; the record that was there is untouched.</exception>
    public void Write(JobRecord record)
    {
        Directory.CreateDirectory(Path);
        var (name, temporary) = (Of(RecordName), Of($"tmp-{RecordName}"));
        using (var file = new FileStream(temporary, FileMode.Create, FileAccess.Write))
        {
            file.Write(Encoding.UTF8.GetBytes(record.ToJson()));
            file.Flush(flushToDisk: true);
        }
        File.Move(temporary, name, overwrite: true);
    }

    /// <exception cref="JsonException">It is no record of a job.</exception>
    public JobRecord Read() => JobRecord.Parse(File.ReadAllText(Of(RecordName)));

    /// <summary>Fills a history with what was told before.</summary>
    public void Load(RunHistory history)
    {
        (var points, _points) = Lines(PointsName, ClusterJson.Plain.MetricPoint, p => p.Sequence);
        (var events, _events) = Lines(EventsName, ClusterJson.Plain.TrainingEvent, e => e.Sequence);
        history.Restore(points, events);
    }

    /// <summary>Appends what the history tells beyond the files, until it is complete, or until <paramref name="enough"/>: then what it holds is written all the same.</summary>
    /// <exception cref="IOException">The disk refused.</exception>
    public Task FollowAsync(RunHistory history, CancellationToken enough) => Task.WhenAll(
        AppendAsync(PointsName, _points, history.MetricsAsync, () => history.Told.Points, ClusterJson.Plain.MetricPoint, enough),
        AppendAsync(EventsName, _events, history.EventsAsync, () => history.Told.Events, ClusterJson.Plain.TrainingEvent, enough));

    // Up to the first line that is torn or out of order: what follows it was never whole.
    private (List<T> Items, Written Written) Lines<T>(string name, JsonTypeInfo<T> type, Func<T, long> sequence)
    {
        var (items, bytes) = (new List<T>(), 0L);
        if (!File.Exists(Of(name))) return (items, default);
        var length = new FileInfo(Of(name)).Length;
        foreach (var line in File.ReadLines(Of(name)))
        {
            var end = bytes + Encoding.UTF8.GetByteCount(line) + 1;
            if (end > length) break;
            try
            {
                var item = JsonSerializer.Deserialize(line, type)!;
                if (sequence(item) != items.Count + 1) break;
                items.Add(item);
                bytes = end;
            }
            catch (JsonException)
            {
                break;
            }
        }
        return (items, new Written(items.Count, bytes));
    }

    private async Task AppendAsync<T>(string name, Written whole, Func<long, CancellationToken, IAsyncEnumerable<T>> follow, Func<long> told, JsonTypeInfo<T> type, CancellationToken enough)
    {
        var file = new FileStream(Of(name), FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read, 1 << 16);
        await using var closing = file.ConfigureAwait(false);
        file.SetLength(whole.Bytes);
        file.Seek(0, SeekOrigin.End);
        using var drained = new CancellationTokenSource();
        var stopping = Task.Delay(Timeout.InfiniteTimeSpan, enough);
        var (written, items) = (whole.Count, follow(whole.Count, drained.Token).GetAsyncEnumerator(CancellationToken.None));
        await using var ending = items.ConfigureAwait(false);
        try
        {
            while (true)
            {
                var next = items.MoveNextAsync().AsTask();
                if (!next.IsCompleted)
                {
                    await file.FlushAsync(CancellationToken.None).ConfigureAwait(false);
                    await Task.WhenAny(next, stopping).ConfigureAwait(false);
                    // Nothing is left, and nothing is waited for; what is told already may still be on its way here.
                    if (enough.IsCancellationRequested && written >= told()) await drained.CancelAsync().ConfigureAwait(false);
                    else if (next.IsCompleted) await Task.WhenAny(Task.Delay(Gather, enough)).ConfigureAwait(false);
                }
                if (!await next.ConfigureAwait(false)) break;
                file.Write(JsonSerializer.SerializeToUtf8Bytes(items.Current, type));
                file.WriteByte((byte)'\n');
                written++;
            }
        }
        catch (OperationCanceledException)
        {
            // The server stops; the job goes on with the next one.
        }
        await file.FlushAsync(CancellationToken.None).ConfigureAwait(false);
    }

    private string Of(string name) => System.IO.Path.Combine(Path, name);
}
