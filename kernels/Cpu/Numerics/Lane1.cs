using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <summary>One lane: the reference that the wide lanes are compared with bit for bit.</summary>
public readonly struct Lane1(float value) : ILane<Lane1>
{
    public readonly float Value = value;

    // 1.5 · 2^23: adding it leaves an integral n in the low mantissa bits.
    private const float IntegerShift = 12582912f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane1 Of(float value) => new(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane1 operator +(Lane1 a, Lane1 b) => new(a.Value + b.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane1 operator -(Lane1 a, Lane1 b) => new(a.Value - b.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane1 operator *(Lane1 a, Lane1 b) => new(a.Value * b.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane1 operator /(Lane1 a, Lane1 b) => new(a.Value / b.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane1 operator -(Lane1 a) => new(-a.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane1 Fma(Lane1 a, Lane1 b, Lane1 c) => new(MathF.FusedMultiplyAdd(a.Value, b.Value, c.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane1 Sqrt(Lane1 a) => new(MathF.Sqrt(a.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane1 Abs(Lane1 a) => new(MathF.Abs(a.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane1 IfGreater(Lane1 a, Lane1 b, Lane1 then, Lane1 otherwise) => a.Value > b.Value ? then : otherwise;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane1 IfEqual(Lane1 a, Lane1 b, Lane1 then, Lane1 otherwise) => a.Value == b.Value ? then : otherwise;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane1 Round(Lane1 a) => new(MathF.Round(a.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane1 Scale(Lane1 a, Lane1 n)
    {
        var whole = BitConverter.SingleToInt32Bits(n.Value + IntegerShift) - BitConverter.SingleToInt32Bits(IntegerShift);
        var half = whole >> 1;
        return new(a.Value * PowerOfTwo(half) * PowerOfTwo(whole - half));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane1 Mantissa(Lane1 a, out Lane1 exponent)
    {
        var bits = BitConverter.SingleToInt32Bits(a.Value);
        exponent = new((bits >> 23) - 127);
        return new(BitConverter.Int32BitsToSingle((bits & 0x007FFFFF) | 0x3F800000));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float PowerOfTwo(int n) => BitConverter.Int32BitsToSingle((n + 127) << 23);
}
