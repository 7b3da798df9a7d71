namespace DistTrain.Training;

/// <summary>
/// Which version of the weights each shard's part of the job's one flat vector holds. Workers read that vector while shards may commit:
/// whoever reads asks before and after, and what changed in between is of no use.
/// </summary>
/// <remarks>A stamp names contents, not only a version: after a rollback version v has other elements than before, and another stamp.</remarks>
internal sealed class WeightVersions
{
    private readonly long[] _versions;
    private long _begun;
    private long _ended;

    /// <param name="shards">None holds a version yet.</param>
    public WeightVersions(int shards)
    {
        _versions = new long[shards];
        Array.Fill(_versions, -1);
    }

    /// <summary>From now on the shard's part changes.</summary>
    public void Begin(int shard)
    {
        // The counter rises before anything changes, for every reader.
        Interlocked.Increment(ref _begun);
        Interlocked.Exchange(ref _versions[shard], -1);
    }

    /// <summary>The shard's part is whole again.</summary>
    /// <param name="version">-1 where it holds none.</param>
    public void End(int shard, long version)
    {
        Interlocked.Exchange(ref _versions[shard], version);
        Interlocked.Increment(ref _ended);
    }

    /// <summary>Whether every part holds <paramref name="version"/> and none is being changed.</summary>
    /// <param name="stamp">Of these contents: two reads with one stamp see the same elements.</param>
    public bool TryRead(long version, out long stamp) => TryRead(version, 0, _versions.Length, out stamp);

    /// <summary>The same for shards [<paramref name="first"/>, <paramref name="end"/>) only.</summary>
    public bool TryRead(long version, int first, int end, out long stamp)
    {
        // Ended is read first: where both are equal, nothing was under way when begun was read.
        var ended = Interlocked.Read(ref _ended);
        stamp = Interlocked.Read(ref _begun);
        if (ended != stamp) return false;
        foreach (ref var held in _versions.AsSpan(first, end - first))
            if (Interlocked.Read(ref held) != version) return false;
        return StillHolds(stamp);
    }

    /// <summary>Asked after reading: nothing has begun to change since <paramref name="stamp"/> was taken.</summary>
    public bool StillHolds(long stamp)
    {
        Interlocked.MemoryBarrier();
        return Interlocked.Read(ref _begun) == stamp;
    }
}

/// <summary>The weights asked for are not there any more: the step was committed by others, or rolled back. The lease is over.</summary>
internal sealed class WeightsGoneException(long version) : Exception($"the weights of version {version} were replaced while they were read");
