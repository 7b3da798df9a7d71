using System.Runtime.InteropServices;
using DistTrain.Kernels;
using DistTrain.Learning;
using DistTrain.Protocol;
using DistTrain.Training;

namespace DistTrain.Tests.Training;

public sealed partial class PulledWeightsTests
{
    private const int ShardElements = 8 << 20;
    private const int Shards = 8;

    [Fact]
    public void A_worker_of_one_stage_has_memory_for_its_shards_alone()
    {
        // Which pages are there is asked of Linux; elsewhere nothing is claimed.
        if (!OperatingSystem.IsLinux()) return;
        using var device = new CpuDevice(1);
        using var pool = new VectorPool(device);
        ShardRange[] ranges = [.. Enumerable.Range(0, Shards).Select(s => new ShardRange(s, 1, s * ShardElements, ShardElements))];
        using var weights = new PulledWeights(device, Shards * ShardElements, ranges);
        var before = ResidentBytes(weights.View);
        foreach (var shard in new[] { 3, 4 })
        {
            var pulled = pool.Rent(ShardElements);
            pulled.View.AsSpan().Fill(shard);
            weights.Keep(new Effect { Kind = EffectKind.KeepWeights, Payload = pulled, Message = new Message { Step = 7, Digest = (ulong)shard } });
        }
        Assert.True(weights.Versions.TryRead(7, 3, 5, out _));
        Assert.Equal((3f, 4f), (weights.View.AsSpan()[3 * ShardElements], weights.View.AsSpan()[5 * ShardElements - 1]));
        var stage = 2L * ShardElements * sizeof(float);
        // Pages may be of 2 MiB, and lie across its ends.
        Assert.InRange(before, 0, 8 << 20);
        Assert.InRange(ResidentBytes(weights.View), stage, stage + (8 << 20));
    }

    private static unsafe long ResidentBytes(View view)
    {
        var page = Environment.SystemPageSize;
        var (start, bytes) = ((nint)view.Floats() / page * page, (nint)view.Length * sizeof(float));
        var pages = new byte[bytes / page];
        fixed (byte* resident = pages) Assert.Equal(0, Resident(start, (nuint)pages.Length * (nuint)page, resident));
        return pages.LongCount(p => (p & 1) != 0) * page;
    }

    [LibraryImport("libc", EntryPoint = "mincore")]
    private static unsafe partial int Resident(nint start, nuint bytes, byte* resident);
}
