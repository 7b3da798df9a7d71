namespace DistTrain.Protocol;

/// <summary>One lease: a contiguous range of the open step's micro-batches, with one worker, until a time.</summary>
/// <param name="Range">Leaves [First, First + Count); not always one node.</param>
/// <param name="IsDuplicate">Another worker has the same range: same keys, same bits.</param>
internal readonly record struct LeaseEntry(long Number, int Worker, TreeNode Range, TimeSpan Since, TimeSpan Deadline, bool IsDuplicate);

/// <summary>Which micro-batches of the open step are free, leased and done.</summary>
internal sealed class LeaseTable
{
    private enum Leaf : byte { Free, Leased, Done }

    private readonly List<LeaseEntry> _leases = [];
    private readonly LeaseSplit _split = new();
    private Leaf[] _leaves = [];
    private int _count;
    private double _usualTicks;

    internal IReadOnlyList<LeaseEntry> Leases => _leases;

    internal bool AllDone => _leaves.AsSpan(0, _count).IndexOfAnyExcept(Leaf.Done) < 0;

    /// <summary>The first stretch that nobody has; a count of 0: none.</summary>
    internal TreeNode FirstFree()
    {
        var first = _leaves.AsSpan(0, _count).IndexOf(Leaf.Free);
        if (first < 0) return default;
        var end = first;
        while (end < _count && _leaves[end] == Leaf.Free) end++;
        return new TreeNode(first, end - first);
    }

    /// <summary>Usual time for one micro-batch; zero before the first.</summary>
    internal TimeSpan Usual => TimeSpan.FromTicks((long)_usualTicks);

    internal void Open(MicroBatches cut, int workers)
    {
        _leases.Clear();
        _count = cut.Count;
        if (_leaves.Length < _count) _leaves = new Leaf[_count];
        for (var i = 0; i < _count; i++) _leaves[i] = cut.IsAbsent(TreeNode.Leaf(i)) ? Leaf.Done : Leaf.Free;
        _split.Fit(_count, workers);
    }

    internal void Close()
    {
        _leases.Clear();
        _count = 0;
    }

    /// <summary>The worker's own share of the split if it is free, else a piece of the largest free stretch: at most one share, and no more than leaves something for the others that wait.</summary>
    /// <param name="rank">Place among the live workers.</param>
    /// <param name="waiting">Workers that wait, this one included.</param>
    internal bool TryTake(int rank, int waiting, out TreeNode range)
    {
        range = default;
        if (rank < _split.Shares && IsFree(_split.Start(rank), _split.Start(rank + 1), out range)) return true;
        var (first, most) = (0, 0);
        for (var i = 0; i < _count;)
        {
            if (_leaves[i] != Leaf.Free)
            {
                i++;
                continue;
            }
            var start = i;
            while (i < _count && _leaves[i] == Leaf.Free) i++;
            if (i - start > most) (first, most) = (start, i - start);
        }
        if (most == 0) return false;
        range = new TreeNode(first, Math.Min((most + waiting - 1) / waiting, _split.Largest));
        return true;
    }

    /// <summary>Absent micro-batches at the ends of a share are left out; those within it stay.</summary>
    private bool IsFree(int start, int end, out TreeNode range)
    {
        while (start < end && _leaves[start] == Leaf.Done) start++;
        while (start < end && _leaves[end - 1] == Leaf.Done) end--;
        range = new TreeNode(start, end - start);
        return end > start && _leaves.AsSpan(start, end - start).IndexOf(Leaf.Leased) < 0;
    }

    internal void Grant(in LeaseEntry lease)
    {
        _leases.Add(lease);
        for (var i = lease.Range.First; i < lease.Range.End; i++)
            if (_leaves[i] == Leaf.Free) _leaves[i] = Leaf.Leased;
    }

    /// <summary>The oldest lease with micro-batches that nobody repeats, if it is old enough to be worth it.</summary>
    /// <param name="range">A piece of it: the more workers wait, the smaller.</param>
    internal bool TrySlowest(int worker, int waiting, TimeSpan now, TimeLimits limits, out LeaseEntry slowest, out TreeNode range)
    {
        (slowest, range) = (default, default);
        foreach (var lease in _leases)
        {
            if (lease.IsDuplicate || lease.Worker == worker || now < DuplicateAt(lease, limits)) continue;
            if (range.Count > 0 && lease.Since >= slowest.Since) continue;
            if (Alone(lease) is { Count: > 0 } alone) (slowest, range) = (lease, new TreeNode(alone.First, (alone.Count + waiting - 1) / waiting));
        }
        return range.Count > 0;
    }

    /// <summary>The first stretch of the lease that is not done and that no other lease holds.</summary>
    private TreeNode Alone(in LeaseEntry lease)
    {
        var first = lease.Range.First;
        while (first < lease.Range.End && !IsAlone(first)) first++;
        var end = first;
        while (end < lease.Range.End && IsAlone(end)) end++;
        return new TreeNode(first, end - first);
    }

    private bool IsAlone(int leaf) => _leaves[leaf] == Leaf.Leased && Holders(leaf) == 1;

    /// <summary>When an idle worker may repeat the lease.</summary>
    internal TimeSpan DuplicateAt(in LeaseEntry lease, TimeLimits limits)
    {
        var patience = TimeSpan.FromTicks((long)(_usualTicks * lease.Range.Count * limits.DuplicateAfter));
        return lease.Since + (patience > limits.DuplicateFloor ? patience : limits.DuplicateFloor);
    }

    internal TimeSpan NextDuplicate(TimeLimits limits)
    {
        var next = TimeSpan.MaxValue;
        foreach (var lease in _leases)
        {
            if (lease.IsDuplicate || Alone(lease).Count == 0) continue;
            var at = DuplicateAt(lease, limits);
            if (at < next) next = at;
        }
        return next;
    }

    internal TimeSpan NextDeadline()
    {
        var next = TimeSpan.MaxValue;
        foreach (var lease in _leases)
            if (lease.Deadline < next) next = lease.Deadline;
        return next;
    }

    internal bool TryFind(long number, out LeaseEntry lease)
    {
        foreach (var entry in _leases)
        {
            if (entry.Number != number) continue;
            lease = entry;
            return true;
        }
        lease = default;
        return false;
    }

    /// <summary>Every node of the lease is at every shard.</summary>
    internal void Finish(in LeaseEntry lease, TimeSpan now)
    {
        for (var i = lease.Range.First; i < lease.Range.End; i++) _leaves[i] = Leaf.Done;
        Remove(lease.Number);
        var ticks = (double)(now - lease.Since).Ticks / lease.Range.Count;
        _usualTicks = _usualTicks == 0 ? ticks : _usualTicks + (ticks - _usualTicks) / 8;
    }

    /// <summary>The lease ends unfinished: what no other lease holds is free again.</summary>
    internal void TakeBack(in LeaseEntry lease)
    {
        Remove(lease.Number);
        for (var i = lease.Range.First; i < lease.Range.End; i++)
            if (_leaves[i] == Leaf.Leased && Holders(i) == 0) _leaves[i] = Leaf.Free;
    }

    /// <summary>Nobody watched the leases for so long: they end later, and count as given later.</summary>
    internal void Delay(TimeSpan by)
    {
        for (var i = 0; i < _leases.Count; i++) _leases[i] = _leases[i] with { Since = _leases[i].Since + by, Deadline = _leases[i].Deadline + by };
    }

    private int Holders(int leaf)
    {
        var holders = 0;
        foreach (var lease in _leases)
            if (lease.Range.First <= leaf && leaf < lease.Range.End) holders++;
        return holders;
    }

    private void Remove(long number)
    {
        for (var i = _leases.Count - 1; i >= 0; i--)
            if (_leases[i].Number == number) _leases.RemoveAt(i);
    }
}
