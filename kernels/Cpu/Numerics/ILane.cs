namespace DistTrain.Kernels;

/// <summary>
/// A group of float32 lanes that one formula is written against: one lane (<see cref="Lane1"/>: the reference, and GPUs),
/// sixteen lanes as one Vector512 or two Vector256. Every operation is exact IEEE single precision, lane by lane, so the
/// width never changes bits. Nothing else (no estimate, no library transcendental) may be used in a formula.
/// </summary>
public interface ILane<T> where T : unmanaged, ILane<T>
{
    /// <summary>All lanes equal to <paramref name="value"/>.</summary>
    static abstract T Of(float value);

    static abstract T operator +(T a, T b);
    static abstract T operator -(T a, T b);
    static abstract T operator *(T a, T b);
    static abstract T operator /(T a, T b);
    static abstract T operator -(T a);

    /// <summary>a * b + c with one rounding.</summary>
    static abstract T Fma(T a, T b, T c);

    static abstract T Sqrt(T a);
    static abstract T Abs(T a);

    /// <summary>a &gt; b ? then : otherwise; false where either is NaN.</summary>
    static abstract T IfGreater(T a, T b, T then, T otherwise);

    /// <summary>a == b ? then : otherwise; false where either is NaN.</summary>
    static abstract T IfEqual(T a, T b, T then, T otherwise);

    /// <summary>Nearest integer, ties to even.</summary>
    static abstract T Round(T a);

    /// <summary>a * 2^n for integral n in [-252, 252], done as two exact multiplications by powers of two.</summary>
    static abstract T Scale(T a, T n);

    /// <summary>a = m * 2^e for normal a &gt; 0 with m in [1, 2).</summary>
    static abstract T Mantissa(T a, out T exponent);
}
