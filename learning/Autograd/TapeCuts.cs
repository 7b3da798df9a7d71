namespace DistTrain.Learning;

/// <summary>A place between two nodes of a tape.</summary>
/// <param name="Node">The first node after it.</param>
/// <param name="Crossing">The one tensor that nodes before it give to nodes after it; null at either end of the tape.</param>
internal readonly record struct TapeCut(int Node, Tensor? Crossing);

/// <summary>
/// Where a tape can be cut in two that run in different places: one tensor alone crosses, no parameter is used on both sides, and the
/// parameters before lie before those after in the flat vector. A residual block has no cut inside.
/// </summary>
internal sealed class TapeCuts
{
    private readonly Tape _tape;
    private readonly int[] _lastBefore;
    private readonly int[] _firstAfter;
    private readonly Tensor?[] _crossing;

    /// <param name="tape">All nodes are recorded.</param>
    public TapeCuts(Tape tape)
    {
        _tape = tape;
        var count = tape.Nodes.Count;
        (_lastBefore, _firstAfter, _crossing) = (new int[count + 1], new int[count + 1], new Tensor?[count + 1]);
        _lastBefore[0] = -1;
        _firstAfter[count] = int.MaxValue;
        for (var i = 0; i < count; i++)
        {
            _lastBefore[i + 1] = _lastBefore[i];
            foreach (var parameter in tape.Nodes[i].Parameters) _lastBefore[i + 1] = Math.Max(_lastBefore[i + 1], parameter.Slice.Offset);
        }
        for (var i = count - 1; i >= 0; i--)
        {
            _firstAfter[i] = _firstAfter[i + 1];
            foreach (var parameter in tape.Nodes[i].Parameters) _firstAfter[i] = Math.Min(_firstAfter[i], parameter.Slice.Offset);
        }
        FindCrossings();
    }

    /// <summary>Offsets in the flat vector at which stages may begin, the first stage's 0 left out: parameters of both sides are used.</summary>
    public IReadOnlyList<int> Boundaries()
    {
        var boundaries = new List<int>();
        for (var at = 1; at < _crossing.Length - 1; at++)
            if (_crossing[at] is not null && _lastBefore[at] >= 0 && _lastBefore[at] < _firstAfter[at] && _firstAfter[at] < int.MaxValue && !boundaries.Contains(_firstAfter[at])) boundaries.Add(_firstAfter[at]);
        return boundaries;
    }

    /// <summary>The cut between the parameters before <paramref name="boundary"/> and the others: where the smallest tensor crosses, and of equals the first.</summary>
    /// <param name="boundary">0: before all nodes; the end of the vector: after them.</param>
    public TapeCut At(int boundary, int length)
    {
        if (boundary == 0) return new TapeCut(0, null);
        if (boundary == length) return new TapeCut(_tape.Nodes.Count, null);
        var best = -1;
        for (var at = 1; at < _crossing.Length - 1; at++)
        {
            if (_crossing[at] is not { } tensor || _lastBefore[at] >= boundary || _firstAfter[at] < boundary) continue;
            if (best < 0 || tensor.Shape.Length < _crossing[best]!.Shape.Length) best = at;
        }
        return best >= 0 ? new TapeCut(best, _crossing[best]) : throw new InvalidOperationException($"the tape cannot be cut at element {boundary} of the flat vector; a pipeline of this model has no stage that begins there.");
    }

    // A tensor crosses every place between the node that writes it and the last one that reads it.
    private void FindCrossings()
    {
        var indexes = new Dictionary<Node, int>();
        for (var i = 0; i < _tape.Nodes.Count; i++) indexes[_tape.Nodes[i]] = i;
        var several = new bool[_crossing.Length];
        Cross(_tape.Input, -1);
        for (var i = 0; i < _tape.Nodes.Count; i++) Cross(_tape.Nodes[i].Output, i);
        // What is beside the main loss reads the targets, which the last stage alone has: no cut comes after it.
        for (var i = 0; i < _tape.Nodes.Count; i++)
            if (_tape.Nodes[i] is LossNode) several.AsSpan(i + 1).Fill(true);
        for (var at = 0; at < several.Length; at++)
            if (several[at]) _crossing[at] = null;

        void Cross(Tensor tensor, int producer)
        {
            var last = producer;
            foreach (var edge in tensor.Consumers) last = Math.Max(last, indexes[edge.Node]);
            for (var at = producer + 1; at <= last; at++)
            {
                several[at] |= _crossing[at] is not null;
                _crossing[at] = tensor;
            }
        }
    }
}
