using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace DistTrain.Kernels;

/// <summary>Sixteen lanes as a pair of Vector256: lanes 0 to 7 and 8 to 15.</summary>
public readonly unsafe struct Lane256(Vector256<float> lower, Vector256<float> upper) : IWideLane<Lane256>
{
    private readonly Vector256<float> _a = lower;
    private readonly Vector256<float> _b = upper;

    private const float IntegerShift = 12582912f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane256 Of(float value) => new(Vector256.Create(value), Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane256 operator +(Lane256 a, Lane256 b) => new(a._a + b._a, a._b + b._b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane256 operator -(Lane256 a, Lane256 b) => new(a._a - b._a, a._b - b._b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane256 operator *(Lane256 a, Lane256 b) => new(a._a * b._a, a._b * b._b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane256 operator /(Lane256 a, Lane256 b) => new(a._a / b._a, a._b / b._b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane256 operator -(Lane256 a) => new(-a._a, -a._b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane256 Fma(Lane256 a, Lane256 b, Lane256 c) =>
        new(Vector256.FusedMultiplyAdd(a._a, b._a, c._a), Vector256.FusedMultiplyAdd(a._b, b._b, c._b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane256 Sqrt(Lane256 a) => new(Vector256.Sqrt(a._a), Vector256.Sqrt(a._b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane256 Abs(Lane256 a) => new(Vector256.Abs(a._a), Vector256.Abs(a._b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane256 IfGreater(Lane256 a, Lane256 b, Lane256 then, Lane256 otherwise) => new(
        Vector256.ConditionalSelect(Vector256.GreaterThan(a._a, b._a), then._a, otherwise._a),
        Vector256.ConditionalSelect(Vector256.GreaterThan(a._b, b._b), then._b, otherwise._b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane256 IfEqual(Lane256 a, Lane256 b, Lane256 then, Lane256 otherwise) => new(
        Vector256.ConditionalSelect(Vector256.Equals(a._a, b._a), then._a, otherwise._a),
        Vector256.ConditionalSelect(Vector256.Equals(a._b, b._b), then._b, otherwise._b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane256 Round(Lane256 a) => new(Vector256.Round(a._a), Vector256.Round(a._b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane256 Scale(Lane256 a, Lane256 n) => new(Scale(a._a, n._a), Scale(a._b, n._b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane256 Mantissa(Lane256 a, out Lane256 exponent)
    {
        exponent = new(Exponent(a._a), Exponent(a._b));
        return new(Significand(a._a), Significand(a._b));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane256 Load(float* source) => new(Vector256.Load(source), Vector256.Load(source + 8));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane256 LoadPart(float* source, int count)
    {
        if (Avx.IsSupported) return new(Avx.MaskLoad(source, Below(count)), Avx.MaskLoad(source + 8, Below(count - 8)));
        var lanes = default(InlineLanes);
        for (var i = 0; i < count; i++) lanes[i] = source[i];
        return Load((float*)Unsafe.AsPointer(ref lanes));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* destination, Lane256 value)
    {
        value._a.Store(destination);
        value._b.Store(destination + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePart(float* destination, int count, Lane256 value)
    {
        if (count < 8)
        {
            StoreBelow8(destination, count, value._a);
            return;
        }
        value._a.Store(destination);
        if (count < 16) StoreBelow8(destination + 8, count - 8, value._b);
        else value._b.Store(destination + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane256 SelectBelow(int count, Lane256 below, Lane256 others) => new(
        Vector256.ConditionalSelect(Below(count), below._a, others._a), Vector256.ConditionalSelect(Below(count - 8), below._b, others._b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Lane256 a) => LaneFold.Sum(a._a + a._b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Max(Lane256 a) => LaneFold.Max(LaneFold.Larger(a._a, a._b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AnyNaN(Lane256 a) => !Vector256.EqualsAll(a._a, a._a) || !Vector256.EqualsAll(a._b, a._b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AnyEqual(Lane256 a, Lane256 b) => Vector256.EqualsAny(a._a, b._a) || Vector256.EqualsAny(a._b, b._b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane256 Evens(Lane256 low, Lane256 high) => new(LaneFold.Evens(low._a, low._b), LaneFold.Evens(high._a, high._b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane256 Odds(Lane256 low, Lane256 high) => new(LaneFold.Odds(low._a, low._b), LaneFold.Odds(high._a, high._b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Interleave(Lane256 evens, Lane256 odds, out Lane256 low, out Lane256 high)
    {
        LaneFold.Interleave(evens._a, odds._a, out var a, out var b);
        LaneFold.Interleave(evens._b, odds._b, out var c, out var d);
        low = new(a, b);
        high = new(c, d);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane256 OfBits(int bits) => new(Vector256.Create(bits).AsSingle(), Vector256.Create(bits).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane256 LaneNumbers() => new(Numbers().AsSingle(), (Numbers() + Vector256.Create(8)).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane256 AddBits(Lane256 a, Lane256 b) =>
        new((a._a.AsInt32() + b._a.AsInt32()).AsSingle(), (a._b.AsInt32() + b._b.AsInt32()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane256 IfSameBits(Lane256 a, Lane256 b, Lane256 then, Lane256 otherwise) => new(
        Vector256.ConditionalSelect(Vector256.Equals(a._a.AsInt32(), b._a.AsInt32()).AsSingle(), then._a, otherwise._a),
        Vector256.ConditionalSelect(Vector256.Equals(a._b.AsInt32(), b._b.AsInt32()).AsSingle(), then._b, otherwise._b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane256 TopBits24(Lane256 words) =>
        new(Vector256.ConvertToSingle(words._a.AsInt32() >>> 8), Vector256.ConvertToSingle(words._b.AsInt32() >>> 8));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane256 Xor(Lane256 a, Lane256 b) =>
        new((a._a.AsInt32() ^ b._a.AsInt32()).AsSingle(), (a._b.AsInt32() ^ b._b.AsInt32()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void MultiplyWords(Lane256 a, uint factor, out Lane256 low, out Lane256 high)
    {
        LaneFold.MultiplyWords(a._a, factor, out var lowA, out var highA);
        LaneFold.MultiplyWords(a._b, factor, out var lowB, out var highB);
        low = new(lowA, lowB);
        high = new(highA, highB);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Scale(Vector256<float> a, Vector256<float> n)
    {
        var whole = (n + Vector256.Create(IntegerShift)).AsInt32() - Vector256.Create(IntegerShift).AsInt32();
        var half = whole >> 1;
        return a * PowerOfTwo(half) * PowerOfTwo(whole - half);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> PowerOfTwo(Vector256<int> n) => ((n + Vector256.Create(127)) << 23).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Exponent(Vector256<float> a) => Vector256.ConvertToSingle((a.AsInt32() >> 23) - Vector256.Create(127));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Significand(Vector256<float> a) =>
        ((a.AsInt32() & Vector256.Create(0x007FFFFF)) | Vector256.Create(0x3F800000)).AsSingle();

    // In halves: the masked store of AVX is dozens of micro-operations on AMD.
    private static void StoreBelow8(float* destination, int count, Vector256<float> value)
    {
        var four = value.GetLower();
        if ((count & 4) != 0)
        {
            four.Store(destination);
            destination += 4;
            four = value.GetUpper();
        }
        if ((count & 2) != 0)
        {
            four.GetLower().Store(destination);
            four = Vector128.Shuffle(four, Vector128.Create(2, 3, 2, 3));
            destination += 2;
        }
        if ((count & 1) != 0) *destination = four.ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Numbers() => Vector256.Create(0, 1, 2, 3, 4, 5, 6, 7);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Below(int count) => Vector256.LessThan(Numbers(), Vector256.Create(count)).AsSingle();
}
