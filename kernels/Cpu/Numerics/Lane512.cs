using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace DistTrain.Kernels;

/// <summary>Sixteen lanes in one Vector512.</summary>
public readonly unsafe struct Lane512(Vector512<float> value) : IWideLane<Lane512>
{
    private readonly Vector512<float> _v = value;

    // 1.5 · 2^23: adding it leaves an integral n in the low mantissa bits.
    private const float IntegerShift = 12582912f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane512 Of(float value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane512 operator +(Lane512 a, Lane512 b) => new(a._v + b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane512 operator -(Lane512 a, Lane512 b) => new(a._v - b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane512 operator *(Lane512 a, Lane512 b) => new(a._v * b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane512 operator /(Lane512 a, Lane512 b) => new(a._v / b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane512 operator -(Lane512 a) => new(-a._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane512 Fma(Lane512 a, Lane512 b, Lane512 c) => new(Vector512.FusedMultiplyAdd(a._v, b._v, c._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane512 Sqrt(Lane512 a) => new(Vector512.Sqrt(a._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane512 Abs(Lane512 a) => new(Vector512.Abs(a._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane512 IfGreater(Lane512 a, Lane512 b, Lane512 then, Lane512 otherwise) =>
        new(Vector512.ConditionalSelect(Vector512.GreaterThan(a._v, b._v), then._v, otherwise._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane512 IfEqual(Lane512 a, Lane512 b, Lane512 then, Lane512 otherwise) =>
        new(Vector512.ConditionalSelect(Vector512.Equals(a._v, b._v), then._v, otherwise._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane512 Round(Lane512 a) => new(Vector512.Round(a._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane512 Scale(Lane512 a, Lane512 n)
    {
        var whole = (n._v + Vector512.Create(IntegerShift)).AsInt32() - Vector512.Create(IntegerShift).AsInt32();
        var half = whole >> 1;
        return new(a._v * PowerOfTwo(half) * PowerOfTwo(whole - half));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane512 Mantissa(Lane512 a, out Lane512 exponent)
    {
        var bits = a._v.AsInt32();
        exponent = new(Vector512.ConvertToSingle((bits >> 23) - Vector512.Create(127)));
        return new(((bits & Vector512.Create(0x007FFFFF)) | Vector512.Create(0x3F800000)).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane512 Load(float* source) => new(Vector512.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane512 LoadPart(float* source, int count)
    {
        if (Avx512F.IsSupported) return new(Avx512F.MaskLoad(source, Below(count), Vector512<float>.Zero));
        var lanes = default(InlineLanes);
        for (var i = 0; i < count; i++) lanes[i] = source[i];
        return Load((float*)Unsafe.AsPointer(ref lanes));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* destination, Lane512 value) => value._v.Store(destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePart(float* destination, int count, Lane512 value)
    {
        if (Avx512F.IsSupported)
        {
            Avx512F.MaskStore(destination, Below(count), value._v);
            return;
        }
        var lanes = default(InlineLanes);
        Store((float*)Unsafe.AsPointer(ref lanes), value);
        for (var i = 0; i < count; i++) destination[i] = lanes[i];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane512 SelectBelow(int count, Lane512 below, Lane512 others) =>
        new(Vector512.ConditionalSelect(Below(count), below._v, others._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Lane512 a) => LaneFold.Sum(a._v.GetLower() + a._v.GetUpper());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Max(Lane512 a) => LaneFold.Max(LaneFold.Larger(a._v.GetLower(), a._v.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AnyNaN(Lane512 a) => !Vector512.EqualsAll(a._v, a._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AnyEqual(Lane512 a, Lane512 b) => Vector512.EqualsAny(a._v, b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane512 Evens(Lane512 low, Lane512 high)
    {
        if (Avx512F.IsSupported)
            return new(Avx512F.PermuteVar16x32x2(low._v, Vector512.Create(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30), high._v));
        return new(Vector512.Create(
            LaneFold.Evens(low._v.GetLower(), low._v.GetUpper()), LaneFold.Evens(high._v.GetLower(), high._v.GetUpper())));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane512 Odds(Lane512 low, Lane512 high)
    {
        if (Avx512F.IsSupported)
            return new(Avx512F.PermuteVar16x32x2(low._v, Vector512.Create(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31), high._v));
        return new(Vector512.Create(
            LaneFold.Odds(low._v.GetLower(), low._v.GetUpper()), LaneFold.Odds(high._v.GetLower(), high._v.GetUpper())));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Interleave(Lane512 evens, Lane512 odds, out Lane512 low, out Lane512 high)
    {
        if (Avx512F.IsSupported)
        {
            low = new(Avx512F.PermuteVar16x32x2(evens._v, Vector512.Create(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23), odds._v));
            high = new(Avx512F.PermuteVar16x32x2(evens._v, Vector512.Create(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31), odds._v));
            return;
        }
        LaneFold.Interleave(evens._v.GetLower(), odds._v.GetLower(), out var a, out var b);
        LaneFold.Interleave(evens._v.GetUpper(), odds._v.GetUpper(), out var c, out var d);
        low = new(Vector512.Create(a, b));
        high = new(Vector512.Create(c, d));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane512 OfBits(int bits) => new(Vector512.Create(bits).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane512 LaneNumbers() => new(Numbers().AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane512 AddBits(Lane512 a, Lane512 b) => new((a._v.AsInt32() + b._v.AsInt32()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane512 IfSameBits(Lane512 a, Lane512 b, Lane512 then, Lane512 otherwise) =>
        new(Vector512.ConditionalSelect(Vector512.Equals(a._v.AsInt32(), b._v.AsInt32()).AsSingle(), then._v, otherwise._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane512 TopBits24(Lane512 words) => new(Vector512.ConvertToSingle(words._v.AsInt32() >>> 8));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane512 Xor(Lane512 a, Lane512 b) => new((a._v.AsInt32() ^ b._v.AsInt32()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void MultiplyWords(Lane512 a, uint factor, out Lane512 low, out Lane512 high)
    {
        if (Avx512F.IsSupported)
        {
            var words = a._v.AsUInt32();
            var even = Avx512F.Multiply(words, Vector512.Create(factor));
            var odd = Avx512F.Multiply((words.AsUInt64() >>> 32).AsUInt32(), Vector512.Create(factor));
            var oddLanes = Vector512.Create(0xFFFFFFFF_00000000UL);
            low = new(Vector512.ConditionalSelect(oddLanes, odd << 32, even).AsSingle());
            high = new(Vector512.ConditionalSelect(oddLanes, odd, even >>> 32).AsSingle());
            return;
        }
        LaneFold.MultiplyWords(a._v.GetLower(), factor, out var lowA, out var highA);
        LaneFold.MultiplyWords(a._v.GetUpper(), factor, out var lowB, out var highB);
        low = new(Vector512.Create(lowA, lowB));
        high = new(Vector512.Create(highA, highB));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> PowerOfTwo(Vector512<int> n) => ((n + Vector512.Create(127)) << 23).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Numbers() => Vector512.Create(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Below(int count) => Vector512.LessThan(Numbers(), Vector512.Create(count)).AsSingle();
}

/// <summary>Sixteen floats on the stack.</summary>
[InlineArray(16)]
internal struct InlineLanes
{
    private float _first;
}
