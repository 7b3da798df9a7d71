using System.Runtime.InteropServices;

namespace DistTrain.Protocol;

/// <summary>One fold: entry Left = entry Left + entry Right.</summary>
internal readonly record struct InboxFold(int Left, int Right);

/// <summary>
/// Which nodes of one step's tree are here, whatever their payload is. Siblings that are both here become their parent at once,
/// lower + upper, so the order of folds is the tree's and never the order of arrival.
/// </summary>
/// <remarks>
/// Keyed by node: the same digest again changes nothing, another digest is corruption. A node below one that is here is covered;
/// a node above some that are here replaces them. Entries are <see cref="TreeNode.Index"/>; the caller keeps one payload an entry.
/// An entry whose sibling is absent moves up without a fold, which the table of places follows.
/// </remarks>
internal sealed class TreeInbox
{
    private enum State : byte { Missing, Here, Merged }

    private readonly int _leaves;
    private readonly Planted _planted;
    private readonly State[] _states;
    private readonly ulong[] _digests;
    private readonly bool[] _pushed;
    private readonly int[] _places;
    private readonly TreeNode[] _arrivals;
    private readonly List<int> _replaced = [];
    private readonly List<InboxFold> _folds = [];
    private MicroBatches _cut;
    private int _arrived;

    internal TreeInbox(int leaves, Planted planted)
    {
        (_leaves, _planted) = (leaves, planted);
        var entries = TreeNode.Entries(leaves);
        (_states, _digests, _pushed, _places, _arrivals) = (new State[entries], new ulong[entries], new bool[entries], new int[entries], new TreeNode[entries]);
    }

    /// <summary>Entries whose payloads the last <see cref="Offer"/> made useless.</summary>
    internal ReadOnlySpan<int> Replaced => CollectionsMarshal.AsSpan(_replaced);

    /// <summary>Folds that the last <see cref="Offer"/> made possible, in order.</summary>
    internal ReadOnlySpan<InboxFold> Folds => CollectionsMarshal.AsSpan(_folds);

    /// <summary>The whole step is folded into the entry <see cref="RootPlace"/>.</summary>
    internal bool IsComplete { get; private set; }

    internal int RootPlace { get; private set; }

    /// <summary>Where the payload of the last accepted node goes.</summary>
    internal int Entry { get; private set; }

    /// <summary>Entries the caller needs.</summary>
    internal int Entries => _states.Length + 1;

    /// <summary>Forgets everything; the next step is cut like this.</summary>
    internal void Begin(MicroBatches cut)
    {
        _cut = cut;
        Array.Clear(_states);
        Array.Clear(_pushed);
        _replaced.Clear();
        _folds.Clear();
        (IsComplete, _arrived) = (false, 0);
    }

    /// <summary>Takes node with digest. When Accepted, the payload goes to <see cref="Entry"/>, then Replaced are dropped, then Folds done.</summary>
    internal Verdict Offer(TreeNode node, ulong digest)
    {
        _replaced.Clear();
        _folds.Clear();
        if (!node.IsIn(_leaves) || _cut.IsAbsent(node)) return Verdict.Refused;
        var index = node.Index;
        if (_states[index] != State.Missing)
        {
            if (_pushed[index] && _digests[index] != digest) return Verdict.Corrupt;
            if (!_planted.DedupeOff) return _pushed[index] ? Verdict.Repeated : Verdict.Covered;
            return AddTo(node);
        }
        if (HasAncestor(node))
        {
            if (!_planted.AncestorCheckOff) return Verdict.Covered;
            return AddTo(node);
        }
        Entry = index;
        (_states[index], _digests[index], _pushed[index], _places[index]) = (State.Here, digest, true, index);
        for (var below = 2 * node.First; below <= 2 * (node.End - 1); below++)
        {
            if (below == index || _states[below] != State.Here) continue;
            if (_planted.AncestorCheckOff) _folds.Add(new InboxFold(index, _places[below]));
            else _replaced.Add(_places[below]);
            _states[below] = State.Merged;
        }
        _arrivals[_arrived++] = node;
        if (_planted.TreeOrderOff) CompleteByArrival();
        else FoldUp(node);
        return Verdict.Accepted;
    }

    /// <summary>Whether leaf <paramref name="index"/> is here, alone or within a node.</summary>
    internal bool HasLeaf(int index)
    {
        for (var node = TreeNode.Root(_leaves); ; node = index < node.Right.First ? node.Left : node.Right)
        {
            if (_states[node.Index] != State.Missing || _cut.IsAbsent(node)) return true;
            if (node.IsLeaf) return false;
        }
    }

    private void FoldUp(TreeNode node)
    {
        while (node.Count < _leaves)
        {
            var (parent, sibling) = (node.Parent(_leaves), node.Sibling(_leaves));
            if (_cut.IsAbsent(sibling)) _places[parent.Index] = _places[node.Index];
            else if (_states[sibling.Index] == State.Here)
            {
                var (left, right) = (_places[parent.Left.Index], _places[parent.Right.Index]);
                _folds.Add(new InboxFold(left, right));
                _places[parent.Index] = left;
                _states[sibling.Index] = State.Merged;
            }
            else return;
            _states[node.Index] = State.Merged;
            _states[parent.Index] = State.Here;
            node = parent;
        }
        (IsComplete, RootPlace) = (true, _places[node.Index]);
    }

    private bool HasAncestor(TreeNode node)
    {
        while (node.Count < _leaves)
        {
            node = node.Parent(_leaves);
            if (_states[node.Index] != State.Missing) return true;
        }
        return false;
    }

    // Planted bugs only: what came is added to whatever holds it already.
    private Verdict AddTo(TreeNode node)
    {
        while (_states[node.Index] != State.Here && node.Count < _leaves) node = node.Parent(_leaves);
        if (_states[node.Index] != State.Here) return Verdict.Repeated;
        Entry = Entries - 1;
        _folds.Add(new InboxFold(_places[node.Index], Entry));
        return Verdict.Accepted;
    }

    // Planted bug only: left to right becomes first come, first added.
    private void CompleteByArrival()
    {
        for (var leaf = 0; leaf < _leaves; leaf++)
            if (!HasLeaf(leaf)) return;
        var first = -1;
        for (var i = 0; i < _arrived; i++)
        {
            var index = _arrivals[i].Index;
            if (_states[index] != State.Here) continue;
            if (first < 0) first = index;
            else _folds.Add(new InboxFold(first, index));
        }
        (IsComplete, RootPlace) = (true, first);
        var root = TreeNode.Root(_leaves).Index;
        if (_states[root] == State.Missing) _states[root] = State.Merged;
    }
}
