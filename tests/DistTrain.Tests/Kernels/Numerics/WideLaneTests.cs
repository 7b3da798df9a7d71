using DistTrain.Kernels;

namespace DistTrain.Tests.Kernels.Numerics;

/// <summary>Loads, stores, folds and shuffles of both wide lanes against plain loops.</summary>
public sealed unsafe class WideLaneTests
{
    [Fact]
    public void Vector256_lanes_do_what_plain_loops_do() => Check<Lane256>();

    [Fact]
    public void Vector512_lanes_do_what_plain_loops_do() => Check<Lane512>();

    private static void Check<T>() where T : unmanaged, IWideLane<T>
    {
        var x = stackalloc float[40];
        var y = stackalloc float[40];
        for (var i = 0; i < 40; i++) x[i] = MathF.Sin(i * 1.7f) * (i % 3 == 0 ? 1e7f : 1);
        var folded = new float[16];
        for (var i = 0; i < 16; i++) folded[i] = x[i];
        Assert.Equal(LaneFold.Sum(folded.AsSpan()), T.Sum(T.Load(x)));
        for (var i = 0; i < 16; i++) folded[i] = x[i];
        Assert.Equal(LaneFold.Max(folded), T.Max(T.Load(x)));

        for (var count = 0; count <= 16; count++)
        {
            new Span<float>(y, 40).Fill(-7);
            T.Store(y, T.LoadPart(x, count));
            for (var i = 0; i < 16; i++) Assert.Equal(i < count ? x[i] : 0, y[i]);
            new Span<float>(y, 40).Fill(-7);
            T.StorePart(y, count, T.Load(x));
            for (var i = 0; i < 40; i++) Assert.Equal(i < count ? x[i] : -7, y[i]);
        }

        T.Store(y, T.Evens(T.Load(x), T.Load(x + 16)));
        T.Store(y + 16, T.Odds(T.Load(x), T.Load(x + 16)));
        for (var i = 0; i < 16; i++) Assert.Equal((x[2 * i], x[2 * i + 1]), (y[i], y[16 + i]));
        T.Interleave(T.Load(y), T.Load(y + 16), out var low, out var high);
        T.Store(y, low);
        T.Store(y + 16, high);
        for (var i = 0; i < 32; i++) Assert.Equal(x[i], y[i]);

        T.Store(y, T.AddBits(T.LaneNumbers(), T.OfBits(1000)));
        for (var i = 0; i < 16; i++) Assert.Equal(1000 + i, ((int*)y)[i]);
        T.Store(y, T.IfSameBits(T.LaneNumbers(), T.OfBits(3), T.Of(1), T.Of(2)));
        for (var i = 0; i < 16; i++) Assert.Equal(i == 3 ? 1 : 2, y[i]);

        var words = new uint[] { 0, 1, 2, 0xFFFFFFFF, 0x80000000, 0x7FFFFFFF, 0xDEADBEEF, 0x12345678, 9, 10, 11, 12, 13, 14, 15, 0xCAFEBABE };
        fixed (uint* w = words)
        {
            var lanes = T.Load((float*)w);
            T.MultiplyWords(lanes, 0xD2511F53, out var lowWords, out var highWords);
            T.Store(y, lowWords);
            T.Store(y + 16, highWords);
            for (var i = 0; i < 16; i++)
                Assert.Equal((ulong)words[i] * 0xD2511F53, ((uint*)y)[i] | (ulong)((uint*)y)[16 + i] << 32);
            T.Store(y, T.TopBits24(lanes));
            for (var i = 0; i < 16; i++) Assert.Equal(words[i] >> 8, y[i]);
            T.Store(y, T.Xor(lanes, T.OfBits(0x5555)));
            for (var i = 0; i < 16; i++) Assert.Equal(words[i] ^ 0x5555, ((uint*)y)[i]);
        }

        Assert.False(T.AnyNaN(T.Load(x + 16)));
        x[21] = float.NaN;
        Assert.True(T.AnyNaN(T.Load(x + 16)));
        Assert.False(T.AnyNaN(T.Load(x)));
        Assert.True(T.AnyEqual(T.LaneNumbers(), T.OfBits(15)));
        Assert.False(T.AnyEqual(T.Of(3), T.LaneNumbers()));
    }
}
