namespace DistTrain.Diagnosis;

/// <summary>
/// An append-only list for one writer and any number of readers without a lock: entries below Count never change. The oldest chunks may be let go;
/// a reader that meets one is told so and asks anew.
/// </summary>
internal sealed class Chunked<T>
{
    public const int ChunkLength = 1024;
    private T[]?[] _chunks = new T[]?[4];
    private long _count;
    private long _kept;

    /// <summary>Entries ever added.</summary>
    public long Count => Volatile.Read(ref _count);

    /// <summary>The first entry that is still there.</summary>
    public long Kept => Volatile.Read(ref _kept);

    /// <summary>Writer only.</summary>
    public void Add(in T entry, long keep)
    {
        var at = _count;
        var chunk = (int)(at / ChunkLength);
        if (chunk >= _chunks.Length || _chunks[chunk] is null)
        {
            if (chunk >= _chunks.Length)
            {
                var longer = new T[]?[Math.Max(2 * _chunks.Length, chunk + 1)];
                _chunks.CopyTo(longer, 0);
                Volatile.Write(ref _chunks, longer);
            }
            _chunks[chunk] = new T[ChunkLength];
            for (var old = _kept / ChunkLength; (old + 1) * ChunkLength + keep <= at; old++)
            {
                Volatile.Write(ref _kept, (old + 1) * ChunkLength);
                _chunks[old] = null;
            }
        }
        _chunks[chunk]![at % ChunkLength] = entry;
        Volatile.Write(ref _count, at + 1);
    }

    /// <summary>Writer only: the next entry is this one at the earliest, and what was before it is let go.</summary>
    public void Skip(long count)
    {
        if (count <= _count) return;
        Array.Clear(_chunks);
        // Who counts what is there now begins no earlier than with what comes next.
        Volatile.Write(ref _kept, count);
        Volatile.Write(ref _count, count);
    }

    /// <summary>False where the entry has been let go. Ask only below a Count that was read before.</summary>
    public bool TryGet(long at, out T entry)
    {
        var chunks = Volatile.Read(ref _chunks);
        if (at / ChunkLength < chunks.Length && chunks[at / ChunkLength] is { } chunk)
        {
            entry = chunk[at % ChunkLength];
            // Let go between the two reads: what is there now may be another's.
            return at >= Kept;
        }
        entry = default!;
        return false;
    }
}
