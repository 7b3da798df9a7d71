using DistTrain.Kernels;

namespace DistTrain.Tests.Kernels.Numerics;

public sealed class Scalar64Tests
{
    [Fact]
    public void Exp_log_sin_and_cos_are_within_2_ulp()
    {
        for (var i = -100_000; i <= 100_000; i++)
        {
            var x = i * 0.00709123;
            Near(Math.Exp(x), Scalar64.Exp(x), $"exp {x:R}");
            Near(Math.Log(Math.Exp(x)), Scalar64.Log(Math.Exp(x)), $"ln e^{x:R}");
            Near(Math.Log(1 + i * 1e-6), Scalar64.Log(1 + i * 1e-6), $"ln {1 + i * 1e-6:R}");
            Near(Math.Sin(x), Scalar64.Sin(x), $"sin {x:R}");
            Near(Math.Cos(x), Scalar64.Cos(x), $"cos {x:R}");
            Near(Math.Cos(x * 100), Scalar64.Cos(x * 100), $"cos {x * 100:R}");
        }
    }

    [Fact]
    public void Edges_are_exact()
    {
        Assert.Equal(1, Scalar64.Exp(0));
        Assert.Equal(0, Scalar64.Exp(double.NegativeInfinity));
        Assert.Equal(double.PositiveInfinity, Scalar64.Exp(710));
        Assert.Equal(double.NaN, Scalar64.Exp(double.NaN));
        Assert.Equal(double.Epsilon, Scalar64.Exp(-745.1));
        Assert.Equal(0, Scalar64.Log(1));
        Assert.Equal(double.NegativeInfinity, Scalar64.Log(0));
        Assert.Equal(double.NaN, Scalar64.Log(-1));
        Assert.Equal(double.PositiveInfinity, Scalar64.Log(double.PositiveInfinity));
        Near(Math.Log(double.Epsilon), Scalar64.Log(double.Epsilon), "ln of the smallest");
        Assert.Equal((0.0, 1.0), (Scalar64.Sin(0), Scalar64.Cos(0)));
        Assert.Equal((1.0, -1.0), (Scalar64.Sin(Math.PI / 2), Scalar64.Cos(Math.PI)));
        Assert.Equal(double.NaN, Scalar64.Cos(double.PositiveInfinity));
    }

    [Fact]
    public void Powers_match_repeated_multiplication()
    {
        Assert.Equal(1024, Scalar64.Power(2, 10));
        Assert.Equal(1.0 / 1024, Scalar64.Power(2, -10));
        Assert.Equal(1, Scalar64.Power(0.5, 0));
        Assert.Equal(0.999 * 0.999 * 0.999, Scalar64.Power(0.999, 3), 1e-16);
        Assert.Equal(Math.Pow(0.999, 1000), Scalar64.Power(0.999, 1000), 1e-14);
        Assert.Equal(Math.Pow(0.9, 0.75), Scalar64.Power(0.9, 0.75), 1e-15);
        Assert.Equal(0, Scalar64.Power(0, 2.5));
    }

    private static void Near(double exact, double ours, string what)
    {
        // The library is itself within 1 ulp; below the normal range errors count in its smallest step.
        var ulp = Math.Max(Math.BitIncrement(Math.Abs(exact)) - Math.Abs(exact), double.Epsilon);
        Assert.True(Math.Abs(ours - exact) <= 2 * ulp, $"{what}: {ours:R}, must be near {exact:R} ({Math.Abs(ours - exact) / ulp:F1} ulp)");
    }
}
