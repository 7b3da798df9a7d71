namespace DistTrain.Diagnosis;

/// <summary>
/// One metric of a run: (step, value) in order, under a pyramid of buckets of 8, 16, 32, ... points, so that any range is drawn from a few of them.
/// One thread appends, any number read, no lock. Memory: 16 bytes a point and 72 a bucket. The latest <c>keep</c> points (a million by default) stand
/// at full resolution and as many buckets of each size as keep/8; older ranges are answered from larger buckets. So a series of N &gt;= keep
/// points takes 16 keep + 9 keep (2 + log2(N / keep)) bytes: 35 MB at a million points, 45 MB more at 32 million.
/// </summary>
public sealed class MetricSeries
{
    public const int DefaultKeep = 1 << 20;

    // Buckets of fewer points than 8 would cost more than the points.
    private const int SmallestShift = 3;
    private const int Levels = 40;
    private readonly Chunked<(long Step, double Value)> _points = new();
    private readonly Chunked<MetricBucket>[] _levels = new Chunked<MetricBucket>[Levels];
    private readonly MetricBucket[] _half = new MetricBucket[Levels];
    private readonly int _keep;
    private readonly (long Step, double Value)[] _open = new (long, double)[1 << SmallestShift];
    private long _lastStep = long.MinValue;

    public MetricSeries(string name, int keep = DefaultKeep)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(keep, 8 * Chunked<MetricBucket>.ChunkLength);
        (Name, _keep) = (name, keep);
        for (var i = 0; i < Levels; i++) _levels[i] = new Chunked<MetricBucket>();
    }

    public string Name { get; }

    /// <summary>Points appended.</summary>
    public long Count => _points.Count;

    /// <summary>For one thread alone. O(1) amortized; allocates a chunk each 1024 points.</summary>
    /// <exception cref="ArgumentException">The step is below the last one.</exception>
    public void Append(long step, double value)
    {
        if (step < _lastStep) throw new ArgumentException($"{Name}: step {step} follows step {_lastStep}. Steps must not fall: give a run that goes back to a checkpoint a series of its own.");
        _lastStep = step;
        var at = _points.Count;
        var within = (int)(at % _open.Length);
        _open[within] = (step, value);
        _points.Add((step, value), _keep);
        if (within != _open.Length - 1) return;
        // A full bucket is half of one of the next size.
        var bucket = OfOpen();
        for (var level = 0; level < Levels; level++)
        {
            _levels[level].Add(bucket, _keep >> SmallestShift);
            if (_levels[level].Count % 2 == 1)
            {
                _half[level] = bucket;
                return;
            }
            bucket = _half[level].Then(bucket);
        }
    }

    private MetricBucket OfOpen()
    {
        var (min, max, nonFinite, firstNonFinite) = (double.PositiveInfinity, double.NegativeInfinity, 0L, -1L);
        foreach (var (step, value) in _open)
        {
            if (double.IsFinite(value)) (min, max) = (value < min ? value : min, value > max ? value : max);
            else if (nonFinite++ == 0) firstNonFinite = step;
        }
        return new MetricBucket(_open[0].Step, _open[^1].Step, _open[0].Value, _open[^1].Value, min, max, _open.Length, nonFinite, firstNonFinite);
    }

    /// <summary>The points at steps in [from, to] as at most <paramref name="maxPoints"/> buckets, each a whole number of points; single points where they fit.</summary>
    public MetricView Query(long from, long to, int maxPoints)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxPoints, 1);
        while (true)
            if (TryQuery(from, to, maxPoints) is { } view) return view;
    }

    /// <summary>Every point that still stands at full resolution, at steps in [from, to].</summary>
    public Curve Latest(long from = long.MinValue, long to = long.MaxValue)
    {
        var (steps, values) = (new List<long>(), new List<double>());
        var count = _points.Count;
        for (var i = _points.Kept; i < count; i++)
            if (_points.TryGet(i, out var point) && point.Step >= from && point.Step <= to)
            {
                steps.Add(point.Step);
                values.Add(point.Value);
            }
        return new Curve(steps.ToArray(), values.ToArray());
    }

    /// <summary>Null where the writer let go of what was being read.</summary>
    private MetricView? TryQuery(long from, long to, int maxPoints)
    {
        var count = _points.Count;
        if (from > to || count == 0) return new MetricView([], 0);
        if (Find(from, count, roundUp: false) is not var (start, shift)) return null;
        if (to == long.MaxValue) to = long.MaxValue - 1;
        if (Find(to + 1, count, roundUp: true) is not var (end, _)) return null;
        if (start >= end) return new MetricView([], 0);
        // Blocks as large as what is still kept at the start, the oldest end; a block of all points makes one, so the loop ends.
        var size = 1L << shift;
        while (Blocks(start, end, size) > maxPoints) size *= 2;
        var views = new List<MetricBucket>((int)Math.Min(maxPoints, end - start));
        for (var at = start; at < end;)
        {
            var next = Math.Min(end, (at / size + 1) * size);
            if (!TryFold(at, next, out var bucket)) return null;
            views.Add(bucket);
            at = next;
        }
        return new MetricView(views, end - start);
    }

    private static long Blocks(long start, long end, long size) => (end - 1) / size - start / size + 1;

    /// <summary>Points [start, end) as one bucket, from the largest stored buckets that fit.</summary>
    private bool TryFold(long start, long end, out MetricBucket folded)
    {
        folded = default;
        for (var at = start; at < end;)
        {
            var shift = Math.Min(at == 0 ? 62 : System.Numerics.BitOperations.TrailingZeroCount(at), System.Numerics.BitOperations.Log2((ulong)(end - at)));
            while (shift >= SmallestShift && (shift - SmallestShift >= Levels || _levels[shift - SmallestShift].Count <= at >> shift)) shift--;
            MetricBucket piece;
            if (shift >= SmallestShift)
            {
                if (!_levels[shift - SmallestShift].TryGet(at >> shift, out piece)) return false;
            }
            else
            {
                shift = 0;
                if (!_points.TryGet(at, out var point)) return false;
                piece = MetricBucket.Of(point.Step, point.Value);
            }
            folded = at == start ? piece : folded.Then(piece);
            at += 1L << shift;
        }
        return true;
    }

    /// <summary>The first point at a step of at least <paramref name="step"/>; where points are no longer kept, the bucket's edge below or above it.</summary>
    private (long At, int Shift)? Find(long step, long count, bool roundUp)
    {
        // The finest resolution that still reaches back to the step.
        for (var level = -1; level < Levels; level++)
        {
            var shift = level < 0 ? 0 : level + SmallestShift;
            var (low, high) = level < 0 ? (_points.Kept, count) : (_levels[level].Kept, Math.Min(_levels[level].Count, count >> shift));
            if (low > 0)
            {
                if (!TryLast(level, low, out var oldest)) return null;
                if (oldest >= step) continue;
            }
            while (low < high)
            {
                var middle = low + (high - low) / 2;
                if (!TryLast(level, middle, out var last)) return null;
                if (last < step) low = middle + 1;
                else high = middle;
            }
            return (Math.Min(roundUp && level >= 0 ? (low + 1) << shift : low << shift, count), shift);
        }
        return (0, 0);
    }

    private bool TryLast(int level, long at, out long step)
    {
        if (level < 0)
        {
            var there = _points.TryGet(at, out var point);
            step = point.Step;
            return there;
        }
        var found = _levels[level].TryGet(at, out var bucket);
        step = bucket.ToStep;
        return found;
    }
}
