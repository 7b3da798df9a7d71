namespace DistTrain.Protocol;

/// <summary>How long each wait may last. They never change bits, only who waits for whom.</summary>
public sealed record TimeLimits
{
    /// <summary>A message whose answer is missing is sent again after this.</summary>
    public TimeSpan Resend { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Between signs of life of a worker or seat.</summary>
    public TimeSpan Heartbeat { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>Silence after which a worker or seat counts as lost. A false alarm is safe, only costly.</summary>
    public TimeSpan Silence { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>The same for the seat with the only copy of a shard, where each should have two.</summary>
    public TimeSpan LastCopy { get; init; } = TimeSpan.FromSeconds(6);

    /// <summary>A lease that has not been finished in this time is taken back.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>An idle worker repeats another's lease once it is this many times older than usual.</summary>
    public double DuplicateAfter { get; init; } = 3;

    /// <summary>And never before this age.</summary>
    public TimeSpan DuplicateFloor { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>A checkpoint that is not complete in this time is given up; training goes on.</summary>
    public TimeSpan Checkpoint { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>The last checkpoint is tried again after this, twice.</summary>
    public TimeSpan SaveAgain { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>With fewer workers than the minimum for this long, the job saves and pauses.</summary>
    public TimeSpan Workers { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>With fewer seats than shards for this long, the job fails.</summary>
    public TimeSpan Seats { get; init; } = TimeSpan.FromMinutes(5);
}
