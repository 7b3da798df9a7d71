namespace DistTrain.Learning;

/// <summary>What a region's length is counted by.</summary>
internal enum Extent
{
    Sample,
    Segment,

    /// <summary>Once, however large the batch.</summary>
    Batch,
}

/// <summary>Memory that a tape needs from one moment to another. Moments: node i runs forward at i, the loss is at F, node i runs backward at 2F - i.</summary>
internal sealed class Region(int id, Extent extent, int elements)
{
    /// <summary>Place in the tape's list, and so in every plan's table of offsets.</summary>
    public int Id { get; } = id;

    public Extent Extent { get; } = extent;

    /// <summary>Elements for each sample or segment, or in all.</summary>
    public int Elements { get; } = elements;

    public int First { get; set; } = int.MaxValue;

    public int Last { get; set; } = int.MinValue;

    public bool IsUsed => First <= Last;

    public void Live(int moment)
    {
        First = Math.Min(First, moment);
        Last = Math.Max(Last, moment);
    }
}

/// <summary>A node's own memory: <see cref="Frame.Memory"/> gives its view.</summary>
public sealed class Saved
{
    internal Saved(Region region, bool kept) => (Region, Kept) = (region, kept);

    internal Region Region { get; }

    /// <summary>Kept from the forward to the backward run; otherwise scratch of each.</summary>
    internal bool Kept { get; }
}
