namespace DistTrain.Kernels;

/// <summary>
/// Sixteen lanes: <see cref="Lane512"/> is one Vector512, <see cref="Lane256"/> a pair of Vector256. A kernel is written once
/// against this interface; the JIT compiles one body for each.
/// </summary>
/// <remarks>
/// A kernel's loop stands in a method of its own, marked AggressiveOptimization and NoInlining: inlined into a caller that is
/// optimized later, it would exceed the JIT's inlining budget and call every lane operation (measured: twenty times slower).
/// Lanes can also carry 32-bit patterns (positions, random words): the members named Bits treat them as integers.
/// </remarks>
public unsafe interface IWideLane<T> : ILane<T> where T : unmanaged, IWideLane<T>
{
    /// <summary>Lanes 0 to 15 from consecutive elements.</summary>
    static abstract T Load(float* source);

    /// <summary>Lanes below <paramref name="count"/> (0 to 16) from memory, the others +0; memory past them is not touched.</summary>
    static abstract T LoadPart(float* source, int count);

    static abstract void Store(float* destination, T value);

    /// <summary>Stores the lanes below <paramref name="count"/> (0 to 16); memory past them is not touched.</summary>
    static abstract void StorePart(float* destination, int count, T value);

    /// <summary>Lanes below <paramref name="count"/> (0 to 16) from one, the others from the other.</summary>
    static abstract T SelectBelow(int count, T below, T others);

    /// <summary>The fixed fold of a 16-lane sum: lane i + lane i + 8, then + 4, + 2, + 1.</summary>
    static abstract float Sum(T a);

    /// <summary>The largest lane, folded as <see cref="Sum"/> with <c>upper &gt; lower ? upper : lower</c>.</summary>
    static abstract float Max(T a);

    /// <summary>Is any lane NaN?</summary>
    static abstract bool AnyNaN(T a);

    /// <summary>Is any lane of a equal to the same lane of b?</summary>
    static abstract bool AnyEqual(T a, T b);

    /// <summary>Lanes 0, 2, 4 ... of 32 consecutive lanes.</summary>
    static abstract T Evens(T low, T high);

    /// <summary>Lanes 1, 3, 5 ... of 32 consecutive lanes.</summary>
    static abstract T Odds(T low, T high);

    /// <summary>The inverse of Evens and Odds: e0 o0 e1 o1 ... as 32 consecutive lanes.</summary>
    static abstract void Interleave(T evens, T odds, out T low, out T high);

    /// <summary>All lanes hold this 32-bit pattern.</summary>
    static abstract T OfBits(int bits);

    /// <summary>Lane i holds the integer i.</summary>
    static abstract T LaneNumbers();

    /// <summary>Integer sum of the patterns.</summary>
    static abstract T AddBits(T a, T b);

    /// <summary>Same pattern ? then : otherwise.</summary>
    static abstract T IfSameBits(T a, T b, T then, T otherwise);

    /// <summary>The patterns as unsigned integers, shifted right by 8 and converted: exact floats in [0, 2^24).</summary>
    static abstract T TopBits24(T words);

    /// <summary>Exclusive or of the patterns.</summary>
    static abstract T Xor(T a, T b);

    /// <summary>The 64-bit products of unsigned patterns with one factor, as their low and high words.</summary>
    static abstract void MultiplyWords(T a, uint factor, out T low, out T high);
}
