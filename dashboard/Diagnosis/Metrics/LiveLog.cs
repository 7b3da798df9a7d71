using System.Runtime.CompilerServices;

namespace DistTrain.Diagnosis;

/// <summary>
/// Entries 1, 2, 3, ... of one writer, for any number of followers, each at its own pace: the writer never waits for one and holds nothing back.
/// The newest <c>keep</c> stay; a follower that comes later begins with the oldest there is.
/// </summary>
public sealed class LiveLog<T>(int keep = 1 << 20)
{
    private readonly Chunked<T> _entries = new();
    private TaskCompletionSource? _waiting;
    private volatile bool _completed;

    /// <summary>Entries ever added; the sequence number of the last.</summary>
    public long Count => _entries.Count;

    /// <summary>Nothing follows.</summary>
    public bool IsCompleted => _completed;

    /// <summary>Writer only.</summary>
    public void Add(in T entry)
    {
        _entries.Add(entry, keep);
        Tell();
    }

    /// <summary>Writer only: entries up to this sequence number will never come, as if they had been let go with all before them. Nothing where there are as many.</summary>
    public void Skip(long sequence) => _entries.Skip(sequence);

    /// <summary>Ends all followers once they have seen the last entry.</summary>
    public void Complete()
    {
        _completed = true;
        Tell();
    }

    /// <summary>Entries after a sequence number with their own, then live until <see cref="Complete"/>.</summary>
    public async IAsyncEnumerable<(long Sequence, T Entry)> FollowAsync(long after, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        var at = Math.Max(0, after);
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            // Asked for before the entries are counted: what comes after the count, wakes.
            var news = Waiting();
            var completed = _completed;
            for (var count = Count; (at = Math.Max(at, _entries.Kept)) < count; at++)
                if (_entries.TryGet(at, out var entry)) yield return (at + 1, entry);
            if (completed && at >= Count) yield break;
            if (at < Count) continue;
            await news.WaitAsync(cancellation).ConfigureAwait(false);
        }
    }

    private Task Waiting()
    {
        while (true)
        {
            if (Volatile.Read(ref _waiting) is { } there) return there.Task;
            var made = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            if (Interlocked.CompareExchange(ref _waiting, made, null) is null) return made.Task;
        }
    }

    private void Tell() => Interlocked.Exchange(ref _waiting, null)?.TrySetResult();
}
