using DistTrain.Protocol;

namespace DistTrain.Tests.Machines;

public sealed class LeaseTests
{
    private static readonly TimeLimits Limits = new() { DuplicateFloor = TimeSpan.FromSeconds(1) };

    private static TimeSpan At(double seconds) => TimeSpan.FromSeconds(seconds);

    [Theory]
    [InlineData(8, 1, "8", 1)]
    [InlineData(8, 2, "4,4", 2)]
    [InlineData(8, 4, "2,2,2,2", 4)]
    [InlineData(4, 9, "1,1,1,1", 4)]
    [InlineData(64, 8, "8,8,8,8,8,8,8,8", 8)]
    public void Shares_are_equal_and_whole_nodes_where_that_is_possible(int leaves, int workers, string sizes, int nodes)
    {
        var (split, cover, total) = (new LeaseSplit(), new TreeNode[TreeNode.MostInCover(leaves)], 0);
        split.Fit(leaves, workers);
        var found = new List<int>();
        for (var k = 0; k < split.Shares; k++)
        {
            found.Add(split.Start(k + 1) - split.Start(k));
            total += TreeNode.Cover(split.Start(k), found[^1], leaves, cover);
        }
        Assert.Equal(sizes, string.Join(",", found));
        Assert.Equal(nodes, total);
    }

    [Fact]
    public void No_share_is_empty_or_larger_than_the_fair_one()
    {
        var split = new LeaseSplit();
        for (var leaves = 1; leaves <= 33; leaves++)
            for (var workers = 1; workers <= 20; workers++)
            {
                split.Fit(leaves, workers);
                Assert.Equal((0, leaves), (split.Start(0), split.Start(split.Shares)));
                for (var k = 0; k < split.Shares; k++) Assert.InRange(split.Start(k + 1) - split.Start(k), 1, (leaves + split.Shares - 1) / split.Shares);
            }
    }

    private static LeaseTable Open(int samples, int leaves, int workers)
    {
        var table = new LeaseTable();
        table.Open(new MicroBatches(samples, leaves), workers);
        return table;
    }

    private static LeaseEntry Grant(LeaseTable table, long number, int rank, double at, int waiting = 1)
    {
        Assert.True(table.TryTake(rank, waiting, out var range));
        var lease = new LeaseEntry(number, rank, range, At(at), At(at + 60), false);
        table.Grant(lease);
        return lease;
    }

    [Fact]
    public void Each_worker_gets_its_own_share_in_any_order_of_asking()
    {
        var table = Open(64, 8, 2);
        Assert.Equal(new TreeNode(4, 4), Grant(table, 1, 1, 0).Range);
        Assert.Equal(new TreeNode(0, 4), Grant(table, 2, 0, 0).Range);
        Assert.False(table.TryTake(2, 1, out _));
    }

    [Fact]
    public void What_a_lost_worker_had_is_shared_by_those_who_wait()
    {
        var table = Open(64, 8, 2);
        var lost = Grant(table, 1, 0, 0);
        table.Finish(Grant(table, 2, 1, 0), At(1));
        table.TakeBack(lost);
        Assert.Equal(new TreeNode(0, 2), Grant(table, 3, 5, 1, waiting: 2).Range);
        Assert.Equal(new TreeNode(2, 2), Grant(table, 4, 6, 1, waiting: 1).Range);
    }

    [Fact]
    public void A_slow_lease_is_repeated_once_and_its_finish_ends_both()
    {
        var table = Open(64, 8, 2);
        table.Finish(Grant(table, 1, 0, 0), At(0.4));
        var slow = Grant(table, 2, 1, 0);
        Assert.False(table.TrySlowest(0, 1, At(0.9), Limits, out _, out _));
        Assert.True(table.TrySlowest(0, 1, At(1.3), Limits, out var slowest, out var range));
        Assert.Equal((slow.Number, slow.Range), (slowest.Number, range));
        var repeat = new LeaseEntry(3, 0, range, At(1.3), At(60), true);
        table.Grant(repeat);
        Assert.False(table.TrySlowest(7, 1, At(9), Limits, out _, out _));
        table.Finish(repeat, At(1.6));
        Assert.True(table.AllDone);
    }

    [Fact]
    public void Taking_back_one_of_two_leases_leaves_the_other_its_range()
    {
        var table = Open(64, 8, 1);
        var slow = Grant(table, 1, 0, 0);
        table.Grant(new LeaseEntry(2, 1, new TreeNode(0, 2), At(2), At(60), true));
        table.TakeBack(slow);
        Assert.Equal(new TreeNode(2, 6), table.FirstFree());
    }

    [Fact]
    public void Absent_micro_batches_are_nobodys_work()
    {
        var table = Open(1, 8, 4);
        Assert.True(table.TryTake(3, 1, out var range));
        Assert.Equal(TreeNode.Leaf(7), range);
        table.Grant(new LeaseEntry(1, 3, range, At(0), At(1), false));
        Assert.False(table.TryTake(0, 1, out _));
    }
}
