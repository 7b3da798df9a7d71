using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <summary>
/// Philox4x32-10, a counter-based generator: four random words are a pure function of a 128-bit counter and a 64-bit key.
/// Salmon, Moraes, Dror, Shaw 2011, doi:10.1145/2063384.2063405.
/// </summary>
/// <remarks>
/// One layout for every tensor: element e of stream s draws word (e / 16) mod 4 of the block whose counter is
/// (16 · (e / 64) + e mod 16, s), so that sixteen blocks side by side fill 64 elements in order with no transpose.
/// The stream is the global sample index (dropout) or 0 (initializers).
/// </remarks>
public static class Philox
{
    internal const uint Multiplier0 = 0xD2511F53, Multiplier1 = 0xCD9E8D57, Weyl0 = 0x9E3779B9, Weyl1 = 0xBB67AE85;
    internal const int Rounds = 10;

    /// <summary>Elements that sixteen neighbouring blocks fill.</summary>
    internal const int Group = 64;

    /// <summary>The block at a counter: words c0 c1 (low) and c2 c3 (high) in, four random words out.</summary>
    public static (uint W0, uint W1, uint W2, uint W3) Block(ulong counterLow, ulong counterHigh, ulong key)
    {
        var (c0, c1, c2, c3) = ((uint)counterLow, (uint)(counterLow >> 32), (uint)counterHigh, (uint)(counterHigh >> 32));
        var (k0, k1) = ((uint)key, (uint)(key >> 32));
        for (var round = 0; round < Rounds; round++)
        {
            var (a, b) = ((ulong)Multiplier0 * c0, (ulong)Multiplier1 * c2);
            (c0, c1, c2, c3) = ((uint)(b >> 32) ^ c1 ^ k0, (uint)b, (uint)(a >> 32) ^ c3 ^ k1, (uint)a);
            (k0, k1) = (k0 + Weyl0, k1 + Weyl1);
        }
        return (c0, c1, c2, c3);
    }

    /// <summary>The random word of one element of a stream.</summary>
    public static uint Word(ulong key, ulong stream, long element)
    {
        var block = Block((ulong)(element / Group * 16 + element % 16), stream, key);
        return (element / 16 % 4) switch { 0 => block.W0, 1 => block.W1, 2 => block.W2, _ => block.W3 };
    }

    /// <summary>Uniform in [0, 1) with 24 bits: the word's top bits times 2^-24, exactly.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Uniform(uint word) => (word >> 8) * 5.9604644775390625e-8f;

    /// <summary>Standard normal of one element by Box and Muller: √(-2 ln u)·cos 2πv on even words, ·sin 2πv on odd words, u in (0, 1] and v in [0, 1) from the pair of words.</summary>
    public static float Normal(ulong key, ulong stream, long element)
    {
        var block = Block((ulong)(element / Group * 16 + element % 16), stream, key);
        var word = (int)(element / 16 % 4);
        var (u, v) = word < 2 ? (block.W0, block.W1) : (block.W2, block.W3);
        BoxMuller(Lane1.Of(u >> 8), Lane1.Of(v >> 8), out var even, out var odd);
        return (word & 1) == 0 ? even.Value : odd.Value;
    }

    /// <summary>Two normals from the top 24 bits of two words.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void BoxMuller<T>(T u, T v, out T even, out T odd) where T : unmanaged, ILane<T>
    {
        var unit = T.Of(5.9604644775390625e-8f);
        var radius = T.Sqrt(T.Of(-2f) * Lane.Log((u + T.Of(1f)) * unit));
        var sin = Lane.Sin(v * T.Of(3.74507028e-7f), out var cos);   // 2π · 2^-24
        (even, odd) = (radius * cos, radius * sin);
    }

    /// <summary>The four words of 64 elements from <paramref name="group"/> · 64 on: w0 belongs to the first sixteen, and so on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Words<T>(ulong key, ulong stream, long group, out T w0, out T w1, out T w2, out T w3) where T : unmanaged, IWideLane<T>
    {
        // 16 · group + lane never carries out of the low word: its low four bits are zero before the lane is added.
        var first = (ulong)group * 16;
        var c0 = T.AddBits(T.OfBits((int)first), T.LaneNumbers());
        var (c1, c2, c3) = (T.OfBits((int)(first >> 32)), T.OfBits((int)stream), T.OfBits((int)(stream >> 32)));
        var (k0, k1) = ((uint)key, (uint)(key >> 32));
        for (var round = 0; round < Rounds; round++)
        {
            T.MultiplyWords(c0, Multiplier0, out var lowA, out var highA);
            T.MultiplyWords(c2, Multiplier1, out var lowB, out var highB);
            c0 = T.Xor(T.Xor(highB, c1), T.OfBits((int)k0));
            c2 = T.Xor(T.Xor(highA, c3), T.OfBits((int)k1));
            (c1, c3) = (lowB, lowA);
            (k0, k1) = (k0 + Weyl0, k1 + Weyl1);
        }
        (w0, w1, w2, w3) = (c0, c1, c2, c3);
    }
}
