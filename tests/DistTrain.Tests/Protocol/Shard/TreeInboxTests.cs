using DistTrain.Protocol;

namespace DistTrain.Tests.Machines;

public sealed class TreeInboxTests
{
    private static TreeInbox Inbox(int leaves, int samples)
    {
        var inbox = new TreeInbox(leaves, Planted.Nothing);
        inbox.Begin(new MicroBatches(samples, leaves));
        return inbox;
    }

    // The inbox with a sentence for a payload: what was added to what, in which order.
    private sealed class Folder(int leaves, int samples)
    {
        private readonly string?[] _entries = new string?[TreeNode.Entries(leaves) + 1];

        internal TreeInbox Inbox { get; } = TreeInboxTests.Inbox(leaves, samples);

        internal string? Root => Inbox.IsComplete ? _entries[Inbox.RootPlace] : null;

        internal Verdict Push(TreeNode node)
        {
            var verdict = Inbox.Offer(node, (ulong)node.Index);
            if (verdict != Verdict.Accepted) return verdict;
            _entries[Inbox.Entry] = Sentence(node, new MicroBatches(samples, leaves));
            foreach (var entry in Inbox.Replaced) _entries[entry] = null;
            foreach (var fold in Inbox.Folds) (_entries[fold.Left], _entries[fold.Right]) = ($"({_entries[fold.Left]}+{_entries[fold.Right]})", null);
            return verdict;
        }
    }

    private static string Sentence(TreeNode node, MicroBatches cut) =>
        node.IsLeaf ? $"{node.First}"
        : cut.IsAbsent(node.Left) ? Sentence(node.Right, cut)
        : cut.IsAbsent(node.Right) ? Sentence(node.Left, cut)
        : $"({Sentence(node.Left, cut)}+{Sentence(node.Right, cut)})";

    [Theory]
    [InlineData(1, 1)]
    [InlineData(5, 40)]
    [InlineData(8, 8)]
    [InlineData(8, 5)]
    [InlineData(13, 9)]
    [InlineData(16, 100)]
    public void Any_order_of_arrival_and_any_nodes_give_the_one_fold(int leaves, int samples)
    {
        var cut = new MicroBatches(samples, leaves);
        var expected = Sentence(TreeNode.Root(leaves), cut);
        for (var seed = 0UL; seed < 200; seed++)
        {
            var random = new Simulation.SeededRandom(seed);
            var folder = new Folder(leaves, samples);
            while (folder.Root is null)
            {
                var node = TreeNode.Root(leaves);
                while (!node.IsLeaf && random.Chance(0.8)) node = random.Chance(0.5) ? node.Left : node.Right;
                folder.Push(node);
            }
            Assert.Equal(expected, folder.Root);
        }
    }

    [Fact]
    public void The_same_digest_again_changes_nothing()
    {
        var inbox = Inbox(4, 16);
        Assert.Equal(Verdict.Accepted, inbox.Offer(TreeNode.Leaf(1), 7));
        Assert.Equal(Verdict.Repeated, inbox.Offer(TreeNode.Leaf(1), 7));
        Assert.Equal(Verdict.Accepted, inbox.Offer(TreeNode.Leaf(0), 8));
        Assert.Equal(Verdict.Repeated, inbox.Offer(TreeNode.Leaf(1), 7));
    }

    [Fact]
    public void Another_digest_under_the_same_key_is_corruption_even_after_the_fold()
    {
        var inbox = Inbox(2, 8);
        inbox.Offer(TreeNode.Leaf(0), 7);
        inbox.Offer(TreeNode.Leaf(1), 8);
        Assert.True(inbox.IsComplete);
        Assert.Equal(Verdict.Corrupt, inbox.Offer(TreeNode.Leaf(0), 9));
    }

    [Fact]
    public void A_node_below_one_that_is_here_is_covered()
    {
        var inbox = Inbox(8, 64);
        inbox.Offer(new TreeNode(0, 4), 1);
        Assert.Equal(Verdict.Covered, inbox.Offer(new TreeNode(2, 2), 2));
        Assert.Equal(Verdict.Covered, inbox.Offer(TreeNode.Leaf(3), 3));
        Assert.Equal(Verdict.Accepted, inbox.Offer(TreeNode.Leaf(4), 4));
    }

    [Fact]
    public void An_arriving_ancestor_replaces_its_pending_descendants()
    {
        var inbox = Inbox(8, 64);
        inbox.Offer(TreeNode.Leaf(0), 1);
        inbox.Offer(TreeNode.Leaf(2), 2);
        Assert.Equal(Verdict.Accepted, inbox.Offer(new TreeNode(0, 4), 3));
        Assert.Equal([TreeNode.Leaf(0).Index, TreeNode.Leaf(2).Index], inbox.Replaced.ToArray());
        Assert.Equal(0, inbox.Folds.Length);
    }

    [Fact]
    public void A_node_that_was_made_by_folding_covers_the_same_node_pushed()
    {
        var inbox = Inbox(4, 16);
        inbox.Offer(TreeNode.Leaf(0), 1);
        inbox.Offer(TreeNode.Leaf(1), 2);
        Assert.Equal(Verdict.Covered, inbox.Offer(new TreeNode(0, 2), 99));
    }

    [Theory]
    [InlineData(1, 2)]
    [InlineData(0, 3)]
    [InlineData(4, 1)]
    [InlineData(-1, 1)]
    [InlineData(0, 0)]
    [InlineData(int.MaxValue, int.MaxValue)]
    public void What_is_no_node_of_the_tree_is_refused(int first, int count) =>
        Assert.Equal(Verdict.Refused, Inbox(4, 16).Offer(new TreeNode(first, count), 1));

    [Fact]
    public void An_absent_micro_batch_is_refused_and_not_waited_for()
    {
        var inbox = Inbox(4, 2);
        Assert.Equal(Verdict.Refused, inbox.Offer(TreeNode.Leaf(0), 1));
        Assert.Equal(Verdict.Accepted, inbox.Offer(TreeNode.Leaf(1), 1));
        Assert.Equal(Verdict.Accepted, inbox.Offer(TreeNode.Leaf(3), 2));
        Assert.True(inbox.IsComplete);
    }
}
