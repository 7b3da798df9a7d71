using DistTrain.Training;

namespace DistTrain.Tests.Training;

public sealed class WeightVersionsTests
{
    [Fact]
    public void A_version_is_there_when_every_shard_holds_it_whole()
    {
        var versions = new WeightVersions(2);
        Assert.False(versions.TryRead(0, out _));
        Write(versions, 0, 0);
        Assert.False(versions.TryRead(0, out _));
        Write(versions, 1, 0);
        Assert.True(versions.TryRead(0, out _));
        Assert.False(versions.TryRead(1, out _));
        versions.Begin(1);
        Assert.False(versions.TryRead(0, out _));
        versions.End(1, 1);
        // One shard has committed and the other has not: neither version is there.
        Assert.False(versions.TryRead(0, out _));
        Assert.False(versions.TryRead(1, out _));
    }

    [Fact]
    public void What_changes_while_it_is_read_is_noticed_whether_or_not_the_change_is_over()
    {
        var versions = At(1, 4);
        Assert.True(versions.TryRead(4, out var stamp));
        Assert.True(versions.StillHolds(stamp));
        versions.Begin(0);
        Assert.False(versions.StillHolds(stamp));
        versions.End(0, 5);
        Assert.False(versions.StillHolds(stamp));
    }

    [Fact]
    public void The_same_version_of_another_past_has_another_stamp()
    {
        var versions = At(2, 5);
        Assert.True(versions.TryRead(5, out var before));
        foreach (var version in (int[])[3, 4, 5])
            for (var shard = 0; shard < 2; shard++) Write(versions, shard, version);
        Assert.True(versions.TryRead(5, out var after));
        Assert.NotEqual(before, after);
        Assert.False(versions.StillHolds(before));
    }

    [Fact]
    public void A_copy_that_is_taken_for_whole_never_is_torn()
    {
        var (versions, elements, over) = (At(1, 0), new long[64], false);
        var writer = new Thread(() =>
        {
            for (var version = 1L; !Volatile.Read(ref over); version++)
            {
                versions.Begin(0);
                for (var i = 0; i < elements.Length; i++) Volatile.Write(ref elements[i], version);
                versions.End(0, version);
                Thread.SpinWait(500);
            }
        });
        writer.Start();
        var (whole, guess, copy) = (0, 0L, new long[elements.Length]);
        while (whole < 100)
        {
            guess = Volatile.Read(ref elements[^1]);
            if (!versions.TryRead(guess, out var stamp)) continue;
            for (var i = 0; i < copy.Length; i++) copy[i] = Volatile.Read(ref elements[i]);
            if (!versions.StillHolds(stamp)) continue;
            whole++;
            Assert.All(copy, value => Assert.Equal(guess, value));
        }
        Volatile.Write(ref over, true);
        writer.Join();
    }

    private static WeightVersions At(int shards, long version)
    {
        var versions = new WeightVersions(shards);
        for (var shard = 0; shard < shards; shard++) Write(versions, shard, version);
        return versions;
    }

    private static void Write(WeightVersions versions, int shard, long version)
    {
        versions.Begin(shard);
        versions.End(shard, version);
    }
}
