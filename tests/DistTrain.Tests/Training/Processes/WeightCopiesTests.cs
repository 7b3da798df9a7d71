using DistTrain.Kernels;
using DistTrain.Training;

namespace DistTrain.Tests.Training;

/// <summary>What worker processes are sent is one version, whatever shards commit meanwhile.</summary>
public sealed class WeightCopiesTests : IDisposable
{
    private const int Length = 100_000;
    private readonly CpuDevice _device = new(1);
    private readonly DeviceBuffer _weights;
    private readonly VectorPool _pool;
    private readonly WeightVersions _versions = new(2);
    private readonly WeightCopies _copies;

    public WeightCopiesTests()
    {
        (_weights, _pool) = (_device.Allocate(Length), new VectorPool(_device));
        _copies = new WeightCopies(_weights.View, _versions, _pool);
    }

    public void Dispose()
    {
        _copies.Dispose();
        _pool.Dispose();
        _weights.Dispose();
        _device.Dispose();
    }

    [Fact]
    public void Contents_are_copied_once_for_all_and_not_given_to_who_has_them()
    {
        Commit(7, 1);
        var (one, two) = (-1L, -1L);
        using IHeld first = _copies.Take(7, 0, Length, 0, 2, ref one)!;
        using IHeld second = _copies.Take(7, 0, Length, 0, 2, ref two)!;
        Assert.Same(first, second);
        Assert.Equal(one, two);
        Assert.Null(_copies.Take(7, 0, Length, 0, 2, ref one));
    }

    [Fact]
    public void The_same_version_with_other_elements_is_given_again()
    {
        Commit(7, 1);
        var stamp = -1L;
        using (IHeld before = _copies.Take(7, 0, Length, 0, 2, ref stamp)!) { }
        // Rolled back, and at version 7 again on another past.
        Commit(6, 2);
        Commit(7, 3);
        using var after = _copies.Take(7, 0, Length, 0, 2, ref stamp);
        Assert.Equal((3f, 3f), (after!.View.AsSpan()[0], after.View.AsSpan()[Length - 1]));
    }

    [Fact]
    public void A_version_that_is_gone_or_being_changed_is_not_given()
    {
        var stamp = -1L;
        Commit(8, 1);
        Assert.Throws<WeightsGoneException>(() => _copies.Take(7, 0, Length, 0, 2, ref stamp));
        _versions.Begin(1);
        Assert.Throws<WeightsGoneException>(() => _copies.Take(8, 0, Length, 0, 2, ref stamp));
    }

    [Fact]
    public void Stages_are_stretches_of_their_own()
    {
        Commit(7, 1);
        var stamp = -1L;
        using var stage = _copies.Take(7, 400, 60, 1, 2, ref stamp);
        Assert.Equal(60, stage!.View.Length);
    }

    [Fact]
    public async Task What_is_given_while_shards_commit_is_never_of_two_versions()
    {
        Commit(0, 0);
        var (taken, over) = (0, false);
        var committing = Task.Run(() =>
        {
            for (var version = 1L; !Volatile.Read(ref over) && version < 1_000_000; version++) Commit(version, version);
        });
        try
        {
            // The version of the moment may be gone before it is copied: some of so many are not.
            for (var tries = 0; tries < 1_000_000 && taken < 200; tries++)
            {
                var stamp = -1L;
                try
                {
                    using var copy = _copies.Take((long)Volatile.Read(ref _newest), 0, Length, 0, 2, ref stamp);
                    var elements = copy!.View.AsSpan();
                    Assert.False(elements.ContainsAnyExcept(elements[0]), $"elements of two versions, one of them {elements[0]}");
                    taken++;
                }
                catch (WeightsGoneException)
                {
                    // Committed meanwhile.
                }
            }
        }
        finally
        {
            Volatile.Write(ref over, true);
            await committing;
        }
        Assert.True(taken > 0, "no version could be taken");
    }

    private double _newest;

    private void Commit(long version, float value)
    {
        for (var shard = 0; shard < 2; shard++)
        {
            _versions.Begin(shard);
            _weights.View.AsSpan().Slice(shard * Length / 2, Length / 2).Fill(value);
            _versions.End(shard, version);
        }
        Volatile.Write(ref _newest, version);
    }
}
