using DistTrain.Kernels;

namespace DistTrain.Tests.Kernels.Numerics;

/// <summary>Every function over a sweep of all bit patterns: the same bits at every width, and the error in units of the last place.</summary>
public sealed unsafe class ElementaryFunctionTests
{
    // A prime stride over the 2^32 patterns: signs, exponents and mantissas of every kind.
    private const uint Stride = 40009;

    [Fact]
    public void Exp_is_within_1_ulp() => Check<Exp>(Math.Exp, 1.0);

    [Fact]
    public void Expm1_is_within_3_ulp() => Check<Expm1>(x => Math.Abs(x) < 1e-4 ? x * (1 + x * (0.5 + x / 6)) : Math.Exp(x) - 1, 3.0);

    [Fact]
    public void Log_is_within_1_ulp() => Check<Log>(Math.Log, 1.0);

    [Fact]
    public void Log1p_is_within_2_ulp_above_minus_a_half() => Check<Log1p>(LogOnePlus, 2.0, x => x > -0.5f);

    [Fact]
    public void Tanh_is_within_2_ulp() => Check<Tanh>(Math.Tanh, 2.0);

    [Fact]
    public void Sigmoid_is_within_3_ulp() => Check<Sigmoid>(x => x >= 0 ? 1 / (1 + Math.Exp(-x)) : Math.Exp(x) / (1 + Math.Exp(x)), 3.0);

    [Fact]
    public void Softplus_is_within_3_ulp() => Check<Softplus>(x => Math.Max(x, 0) + LogOnePlus(Math.Exp(-Math.Abs(x))), 3.0);

    [Fact]
    public void Erf_is_within_2_ulp() => Check<Erf>(ErrorFunction, 2.0);

    [Fact]
    public void Sin_is_within_2_ulp_up_to_65536() => Check<Sin>(Math.Sin, 2.0, x => Math.Abs(x) <= 65536);

    [Fact]
    public void Cos_is_within_2_ulp_up_to_65536() => Check<Cos>(Math.Cos, 2.0, x => Math.Abs(x) <= 65536);

    [Theory]
    [InlineData(0f, 1f)]
    [InlineData(float.NegativeInfinity, 0f)]
    [InlineData(float.PositiveInfinity, float.PositiveInfinity)]
    [InlineData(88.7228317f, 3.40279851E+38f)]
    [InlineData(88.73f, float.PositiveInfinity)]
    [InlineData(-103.97208f, 1.401298E-45f)]
    [InlineData(-104f, 0f)]
    [InlineData(float.NaN, float.NaN)]
    public void Exp_at_its_edges(float x, float y) => Assert.Equal(y, Lane.Exp(Lane1.Of(x)).Value);

    [Theory]
    [InlineData(1f, 0f)]
    [InlineData(0f, float.NegativeInfinity)]
    [InlineData(-1f, float.NaN)]
    [InlineData(float.NegativeInfinity, float.NaN)]
    [InlineData(float.PositiveInfinity, float.PositiveInfinity)]
    [InlineData(float.Epsilon, -103.278931f)]
    [InlineData(float.NaN, float.NaN)]
    public void Log_at_its_edges(float x, float y) => Assert.Equal(y, Lane.Log(Lane1.Of(x)).Value);

    [Theory]
    [InlineData(0f, 0f, 0.5f, 0f)]
    [InlineData(float.PositiveInfinity, 1f, 1f, 1f)]
    [InlineData(float.NegativeInfinity, -1f, 0f, -1f)]
    [InlineData(float.NaN, float.NaN, float.NaN, float.NaN)]
    [InlineData(100f, 1f, 1f, 1f)]
    [InlineData(float.Epsilon, float.Epsilon, 0.5f, float.Epsilon)]
    public void Tanh_sigmoid_and_erf_at_their_edges(float x, float tanh, float sigmoid, float erf)
    {
        Assert.Equal(tanh, Lane.Tanh(Lane1.Of(x)).Value);
        Assert.Equal(sigmoid, Lane.Sigmoid(Lane1.Of(x)).Value);
        Assert.Equal(erf, Lane.Erf(Lane1.Of(x)).Value);
    }

    private static void Check<TFunction>(Func<double, double> exact, double maxUlp, Func<float, bool>? inDomain = null) where TFunction : IFunction
    {
        var (worst, at) = (0.0, 0f);
        var x = stackalloc float[16];
        var narrow = stackalloc float[16];
        var wide = stackalloc float[16];
        for (var pattern = 0UL; pattern < 1UL << 32; pattern += 16 * Stride)
        {
            for (var i = 0; i < 16; i++) x[i] = BitConverter.UInt32BitsToSingle((uint)(pattern + (ulong)i * Stride));
            Lane256.Store(narrow, TFunction.Of(Lane256.Load(x)));
            Lane512.Store(wide, TFunction.Of(Lane512.Load(x)));
            for (var i = 0; i < 16; i++)
            {
                var y = TFunction.Of(Lane1.Of(x[i])).Value;
                Assert.True(Same(y, narrow[i]) && Same(y, wide[i]), $"f({x[i]:R}): one lane {y:R}, Vector256 {narrow[i]:R}, Vector512 {wide[i]:R}");
                if (inDomain is not null && !inDomain(x[i])) continue;
                var error = Ulp(y, exact(x[i]));
                if (error > worst) (worst, at) = (error, x[i]);
            }
        }
        Assert.True(worst <= maxUlp, $"{worst:F3} ulp at {at:R}");
    }

    private static bool Same(float a, float b) => BitConverter.SingleToInt32Bits(a) == BitConverter.SingleToInt32Bits(b) || (float.IsNaN(a) && float.IsNaN(b));

    private static double Ulp(float y, double exact)
    {
        var rounded = (float)exact;
        if (float.IsNaN(rounded) || float.IsInfinity(rounded)) return Same(y, rounded) || y == rounded ? 0 : double.PositiveInfinity;
        if (float.IsNaN(y) || float.IsInfinity(y)) return double.PositiveInfinity;
        var magnitude = Math.Abs(rounded);
        var ulp = (double)float.BitIncrement(magnitude) - magnitude;
        if (double.IsInfinity(ulp)) ulp = magnitude - (double)float.BitDecrement(magnitude);
        return Math.Abs(y - exact) / ulp;
    }

    private static double LogOnePlus(double x) => 1 + x == 1 ? x : Math.Abs(x) < 1e-4 ? x * (1 - x * (0.5 - x / 3)) : Math.Log(1 + x);

    // Abramowitz and Stegun 7.1.6 (a series of positive terms), far more terms than needed up to |x| = 6.
    private static double ErrorFunction(double x)
    {
        if (double.IsNaN(x)) return double.NaN;
        if (Math.Abs(x) > 6) return Math.Sign(x);
        var (term, sum) = (x, x);
        for (var n = 1; n < 200 && Math.Abs(term) > 1e-18 * Math.Abs(sum); n++) sum += term *= 2 * x * x / (2 * n + 1);
        return 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
    }

    private interface IFunction
    {
        static abstract T Of<T>(T x) where T : unmanaged, ILane<T>;
    }

    private sealed class Exp : IFunction { public static T Of<T>(T x) where T : unmanaged, ILane<T> => Lane.Exp(x); }

    private sealed class Expm1 : IFunction { public static T Of<T>(T x) where T : unmanaged, ILane<T> => Lane.Expm1(x); }

    private sealed class Log : IFunction { public static T Of<T>(T x) where T : unmanaged, ILane<T> => Lane.Log(x); }

    private sealed class Log1p : IFunction { public static T Of<T>(T x) where T : unmanaged, ILane<T> => Lane.Log1p(x); }

    private sealed class Tanh : IFunction { public static T Of<T>(T x) where T : unmanaged, ILane<T> => Lane.Tanh(x); }

    private sealed class Sigmoid : IFunction { public static T Of<T>(T x) where T : unmanaged, ILane<T> => Lane.Sigmoid(x); }

    private sealed class Softplus : IFunction { public static T Of<T>(T x) where T : unmanaged, ILane<T> => Lane.Softplus(x); }

    private sealed class Erf : IFunction { public static T Of<T>(T x) where T : unmanaged, ILane<T> => Lane.Erf(x); }

    private sealed class Sin : IFunction { public static T Of<T>(T x) where T : unmanaged, ILane<T> => Lane.Sin(x, out _); }

    private sealed class Cos : IFunction
    {
        public static T Of<T>(T x) where T : unmanaged, ILane<T>
        {
            Lane.Sin(x, out var cos);
            return cos;
        }
    }
}
