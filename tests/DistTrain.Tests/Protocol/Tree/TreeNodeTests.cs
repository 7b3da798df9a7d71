using DistTrain.Kernels;
using DistTrain.Protocol;

namespace DistTrain.Tests.Machines;

public sealed class TreeNodeTests
{
    public static IEnumerable<object[]> Leaves => Enumerable.Range(1, 16).Select(static m => new object[] { m });

    private static IEnumerable<TreeNode> All(int leaves)
    {
        var open = new Stack<TreeNode>([TreeNode.Root(leaves)]);
        while (open.TryPop(out var node))
        {
            yield return node;
            if (node.IsLeaf) continue;
            open.Push(node.Right);
            open.Push(node.Left);
        }
    }

    [Theory, MemberData(nameof(Leaves))]
    public void Every_range_is_covered_exactly_by_maximal_nodes_in_order(int leaves)
    {
        Span<TreeNode> nodes = stackalloc TreeNode[TreeNode.MostInCover(leaves)];
        for (var first = 0; first < leaves; first++)
            for (var count = 1; first + count <= leaves; count++)
            {
                var found = TreeNode.Cover(first, count, leaves, nodes);
                var next = first;
                foreach (var node in nodes[..found])
                {
                    Assert.Equal(next, node.First);
                    Assert.True(node.IsIn(leaves));
                    Assert.True(node == TreeNode.Root(leaves) || !new TreeNode(first, count).Contains(node.Parent(leaves)), $"{node} of [{first}, {first + count}) is not maximal");
                    next = node.End;
                }
                Assert.Equal(first + count, next);
            }
    }

    [Theory, MemberData(nameof(Leaves))]
    public void Every_split_into_two_or_three_ranges_covers_each_micro_batch_once(int leaves)
    {
        var nodes = new TreeNode[TreeNode.MostInCover(leaves)];
        for (var a = 0; a <= leaves; a++)
            for (var b = a; b <= leaves; b++)
            {
                var times = new int[leaves];
                foreach (var (from, to) in new[] { (0, a), (a, b), (b, leaves) })
                {
                    if (from == to) continue;
                    var found = TreeNode.Cover(from, to - from, leaves, nodes);
                    foreach (var node in nodes.AsSpan(0, found))
                        for (var i = node.First; i < node.End; i++) times[i]++;
                }
                Assert.All(times, static t => Assert.Equal(1, t));
            }
    }

    [Theory, MemberData(nameof(Leaves))]
    public void Nodes_are_numbered_without_gaps_and_know_their_family(int leaves)
    {
        var nodes = All(leaves).ToList();
        Assert.Equal(Enumerable.Range(0, TreeNode.Entries(leaves)), nodes.Select(static n => n.Index).Order());
        foreach (var node in nodes.Where(static n => !n.IsLeaf))
        {
            Assert.Equal(Segments.Split(node.Count), node.Left.Count);
            Assert.Equal((node, node), (node.Left.Parent(leaves), node.Right.Parent(leaves)));
            Assert.Equal((node.Right, node.Left), (node.Left.Sibling(leaves), node.Right.Sibling(leaves)));
            Assert.True(node.IsAncestorOf(node.Left) && !node.Left.IsAncestorOf(node) && !node.IsAncestorOf(node));
        }
    }

    [Theory, MemberData(nameof(Leaves))]
    public void Only_nodes_of_the_tree_are_in_it(int leaves)
    {
        var nodes = All(leaves).ToHashSet();
        for (var first = -1; first <= leaves; first++)
            for (var count = -1; count <= leaves + 1; count++)
                Assert.Equal(nodes.Contains(new TreeNode(first, count)), new TreeNode(first, count).IsIn(leaves));
    }

    [Fact]
    public void A_range_outside_the_tree_has_no_cover() =>
        Assert.Throws<ArgumentOutOfRangeException>(static () => TreeNode.Cover(3, 2, 4, new TreeNode[8]));

    [Theory]
    [InlineData(64, false, 4)]
    [InlineData(128, false, 8)]
    [InlineData(100, false, 4)]
    [InlineData(4096, false, 64)]
    [InlineData(7, false, 1)]
    [InlineData(64, true, 2)]
    public void Default_micro_batches_hold_sixteen_samples_or_more(int batch, bool normalized, int expected) =>
        Assert.Equal(expected, MicroBatches.Default(batch, normalized));

    [Fact]
    public void Micro_batches_cut_a_step_without_gaps_and_an_empty_one_is_absent()
    {
        var cut = new MicroBatches(5, 8);
        Assert.Equal(0, cut.Start(0));
        Assert.Equal(5, cut.Start(8));
        Assert.Equal(5, Enumerable.Range(0, 8).Count(i => !cut.IsAbsent(TreeNode.Leaf(i))));
        Assert.False(cut.IsAbsent(TreeNode.Root(8)));
    }
}
