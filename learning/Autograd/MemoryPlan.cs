namespace DistTrain.Learning;

/// <summary>Where each region of a tape lies in the arena for one batch size: regions that are never alive together share memory.</summary>
internal sealed class MemoryPlan
{
    private const int Alignment = 16;

    private readonly int[] _offsets;

    public MemoryPlan(IReadOnlyList<Region> regions, int samples, int segments)
    {
        (Samples, Segments) = (samples, segments);
        _offsets = new int[regions.Count];
        var placed = new List<(Region Region, int Start, int End)>();
        // Large ones first: small ones fill the gaps between them.
        foreach (var region in regions.Where(r => r.IsUsed).OrderByDescending(Length).ThenBy(r => r.Id))
        {
            var (start, length) = (0, Length(region));
            foreach (var other in placed.Where(p => p.Region.First <= region.Last && region.First <= p.Region.Last).OrderBy(p => p.Start))
            {
                if (start + (long)length <= other.Start) break;
                start = Math.Max(start, other.End);
            }
            placed.Add((region, start, checked(start + length)));
            _offsets[region.Id] = start;
            Total = Math.Max(Total, start + length);
        }
    }

    public int Samples { get; }

    public int Segments { get; }

    /// <summary>Elements of the arena.</summary>
    public int Total { get; }

    public int Offset(Region region) => _offsets[region.Id];

    private int Length(Region region) =>
        checked((region.Elements * (region.Extent switch { Extent.Sample => Samples, Extent.Segment => Segments, _ => 1 }) + Alignment - 1) / Alignment * Alignment);
}
