using System.Numerics;

namespace DistTrain.Protocol;

/// <summary>
/// A node of the binary tree over M micro-batches: leaves [First, First + Count). The root is (0, M); a node splits at the
/// largest power of two below its count, the rule of every other fold of the project.
/// </summary>
/// <remarks>Nodes are numbered in order (leaf i is 2i, a split between leaves k - 1 and k is 2k - 1), so a table of 2M - 1 entries holds one entry a node.</remarks>
public readonly record struct TreeNode(int First, int Count)
{
    public static TreeNode Root(int leaves) => new(0, leaves);

    public static TreeNode Leaf(int index) => new(index, 1);

    public int End => First + Count;

    public bool IsLeaf => Count == 1;

    /// <summary>Place in a table of 2M - 1 entries.</summary>
    public int Index => Count == 1 ? 2 * First : 2 * (First + Split(Count)) - 1;

    /// <summary>The lower child, the left operand of the fold.</summary>
    public TreeNode Left => new(First, Split(Count));

    public TreeNode Right => new(First + Split(Count), Count - Split(Count));

    /// <summary>Leaves of the lower child: the largest power of two below <paramref name="count"/> (2 or more).</summary>
    public static int Split(int count) => 1 << BitOperations.Log2((uint)count - 1);

    /// <summary>Entries of a table indexed by <see cref="Index"/>.</summary>
    public static int Entries(int leaves) => 2 * leaves - 1;

    public bool Contains(TreeNode other) => First <= other.First && other.End <= End;

    /// <summary>Strictly above <paramref name="other"/>; both are nodes of the same tree.</summary>
    public bool IsAncestorOf(TreeNode other) => Contains(other) && Count > other.Count;

    /// <summary>Whether the tree over <paramref name="leaves"/> leaves has this node.</summary>
    public bool IsIn(int leaves)
    {
        if (First < 0 || Count < 1 || Count > leaves || First > leaves - Count) return false;
        var node = Root(leaves);
        while (node != this)
        {
            if (node.Count <= Count) return false;
            var (left, right) = (node.Left, node.Right);
            if (left.Contains(this)) node = left;
            else if (right.Contains(this)) node = right;
            else return false;
        }
        return true;
    }

    /// <summary>The node above; the root's is itself.</summary>
    public TreeNode Parent(int leaves)
    {
        var node = Root(leaves);
        if (node == this) return node;
        while (true)
        {
            var (left, right) = (node.Left, node.Right);
            if (left == this || right == this) return node;
            node = left.Contains(this) ? left : right;
        }
    }

    /// <summary>The other child of the parent.</summary>
    public TreeNode Sibling(int leaves)
    {
        var parent = Parent(leaves);
        return parent.Left == this ? parent.Right : parent.Left;
    }

    /// <summary>The most nodes that <see cref="Cover"/> can need.</summary>
    public static int MostInCover(int leaves) => Math.Max(1, 2 * BitOperations.Log2((uint)leaves) + 2);

    /// <summary>The maximal nodes of the tree inside leaves [first, first + count), in order: how a lease is pushed.</summary>
    /// <returns>Nodes written to <paramref name="nodes"/>, which has room for <see cref="MostInCover"/>.</returns>
    public static int Cover(int first, int count, int leaves, Span<TreeNode> nodes)
    {
        if (first < 0 || count < 1 || first > leaves - count)
            throw new ArgumentOutOfRangeException(nameof(first), $"micro-batches [{first}, {first + (long)count}) do not lie in [0, {leaves}).");
        var written = 0;
        Descend(Root(leaves), new TreeNode(first, count), nodes, ref written);
        return written;
    }

    private static void Descend(TreeNode node, TreeNode range, Span<TreeNode> nodes, ref int written)
    {
        if (range.Contains(node))
        {
            nodes[written++] = node;
            return;
        }
        if (node.End <= range.First || range.End <= node.First) return;
        Descend(node.Left, range, nodes, ref written);
        Descend(node.Right, range, nodes, ref written);
    }

    public override string ToString() => Count == 1 ? $"{First}" : $"{First}-{End - 1}";
}
