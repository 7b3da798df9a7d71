using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace DistTrain.Kernels;

/// <summary>
/// The fixed fold of sixteen partial results: i with i + 8, then i + 4, i + 2, i + 1. Every reduction inside an output element
/// ends with it; elements past a row's end count as +0.
/// </summary>
public static class LaneFold
{
    public const int Lanes = 16;

    /// <summary>The plain loops: the definition. <paramref name="lanes"/> holds sixteen values and is overwritten.</summary>
    public static float Sum(Span<float> lanes)
    {
        for (var width = Lanes / 2; width > 0; width /= 2)
            for (var i = 0; i < width; i++) lanes[i] += lanes[i + width];
        return lanes[0];
    }

    /// <inheritdoc cref="Sum(Span{float})"/>
    public static float Max(Span<float> lanes)
    {
        for (var width = Lanes / 2; width > 0; width /= 2)
            for (var i = 0; i < width; i++) lanes[i] = lanes[i + width] > lanes[i] ? lanes[i + width] : lanes[i];
        return lanes[0];
    }

    /// <inheritdoc cref="Sum(Span{float})"/>
    public static double Sum(Span<double> lanes)
    {
        for (var width = Lanes / 2; width > 0; width /= 2)
            for (var i = 0; i < width; i++) lanes[i] += lanes[i + width];
        return lanes[0];
    }

    // From 8 lanes on.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static float Sum(Vector256<float> eight)
    {
        var four = eight.GetLower() + eight.GetUpper();
        var two = four + Vector128.Shuffle(four, Vector128.Create(2, 3, 2, 3));
        return two.GetElement(0) + two.GetElement(1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static float Max(Vector256<float> eight)
    {
        var four = Larger(eight.GetLower(), eight.GetUpper());
        var two = Larger(four, Vector128.Shuffle(four, Vector128.Create(2, 3, 2, 3)));
        return two.GetElement(1) > two.GetElement(0) ? two.GetElement(1) : two.GetElement(0);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<float> Larger(Vector256<float> lower, Vector256<float> upper) =>
        Vector256.ConditionalSelect(Vector256.GreaterThan(upper, lower), upper, lower);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Larger(Vector128<float> lower, Vector128<float> upper) =>
        Vector128.ConditionalSelect(Vector128.GreaterThan(upper, lower), upper, lower);

    // Elements 0, 2, 4 ... 14 of two consecutive vectors.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<float> Evens(Vector256<float> a, Vector256<float> b)
    {
        if (Avx2.IsSupported) return Avx2.Permute4x64(Avx.Shuffle(a, b, 0b10_00_10_00).AsDouble(), 0b11_01_10_00).AsSingle();
        return Vector256.Create(
            Vector256.Shuffle(a, Vector256.Create(0, 2, 4, 6, 0, 2, 4, 6)).GetLower(),
            Vector256.Shuffle(b, Vector256.Create(0, 2, 4, 6, 0, 2, 4, 6)).GetLower());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<float> Odds(Vector256<float> a, Vector256<float> b)
    {
        if (Avx2.IsSupported) return Avx2.Permute4x64(Avx.Shuffle(a, b, 0b11_01_11_01).AsDouble(), 0b11_01_10_00).AsSingle();
        return Vector256.Create(
            Vector256.Shuffle(a, Vector256.Create(1, 3, 5, 7, 1, 3, 5, 7)).GetLower(),
            Vector256.Shuffle(b, Vector256.Create(1, 3, 5, 7, 1, 3, 5, 7)).GetLower());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Interleave(Vector256<float> evens, Vector256<float> odds, out Vector256<float> low, out Vector256<float> high)
    {
        if (Avx2.IsSupported)
        {
            var inner = Avx.UnpackLow(evens, odds);   // pairs 0, 1 | 4, 5
            var outer = Avx.UnpackHigh(evens, odds);  // pairs 2, 3 | 6, 7
            low = Avx.Permute2x128(inner, outer, 0x20);
            high = Avx.Permute2x128(inner, outer, 0x31);
            return;
        }
        var fromEvens = Vector256.Create(-1, 0, -1, 0, -1, 0, -1, 0).AsSingle();
        low = Vector256.ConditionalSelect(fromEvens,
            Vector256.Shuffle(evens, Vector256.Create(0, 0, 1, 1, 2, 2, 3, 3)), Vector256.Shuffle(odds, Vector256.Create(0, 0, 1, 1, 2, 2, 3, 3)));
        high = Vector256.ConditionalSelect(fromEvens,
            Vector256.Shuffle(evens, Vector256.Create(4, 4, 5, 5, 6, 6, 7, 7)), Vector256.Shuffle(odds, Vector256.Create(4, 4, 5, 5, 6, 6, 7, 7)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void MultiplyWords(Vector256<float> a, uint factor, out Vector256<float> low, out Vector256<float> high)
    {
        var words = a.AsUInt64();
        Vector256<ulong> even, odd;
        if (Avx2.IsSupported)
        {
            even = Avx2.Multiply(words.AsUInt32(), Vector256.Create(factor));
            odd = Avx2.Multiply((words >>> 32).AsUInt32(), Vector256.Create(factor));
        }
        else
        {
            even = (words & Vector256.Create(0xFFFFFFFFUL)) * factor;
            odd = (words >>> 32) * factor;
        }
        var oddLanes = Vector256.Create(0xFFFFFFFF_00000000UL);
        low = Vector256.ConditionalSelect(oddLanes, odd << 32, even).AsSingle();
        high = Vector256.ConditionalSelect(oddLanes, odd, even >>> 32).AsSingle();
    }
}
