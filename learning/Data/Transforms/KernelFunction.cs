using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>Which function of two samples stands for the inner product of features that are never written down.</summary>
public enum KernelForm
{
    /// <summary>exp(-gamma·‖x - y‖²).</summary>
    Rbf,

    /// <summary>(gamma·⟨x, y⟩ + offset)^degree.</summary>
    Polynomial,

    /// <summary>⟨x, y⟩.</summary>
    Linear,
}

/// <summary>k(x, y) in double, every sum in one order.</summary>
public readonly record struct KernelFunction(KernelForm Form, double Gamma, double Offset, int Degree)
{
    public double Of(ReadOnlySpan<float> x, ReadOnlySpan<float> y)
    {
        if (Form == KernelForm.Rbf) return Scalar64.Exp(-Gamma * Distance(x, y));
        var product = Product(x, y);
        if (Form == KernelForm.Linear) return product;
        var (of, power) = (Gamma * product + Offset, 1.0);
        for (var i = 0; i < Degree; i++) power *= of;
        return power;
    }

    /// <summary>1 / (features · variance of all feature values of the set): the width at which neighbours still see each other; 1 where nothing varies.</summary>
    public static double ScaledGamma(Dataset train)
    {
        var (sum, squares, count) = (0.0, 0.0, (double)train.Count * train.InputShape.Length);
        Features.Each(train, x =>
        {
            foreach (var value in x) sum += value;
        });
        var mean = sum / count;
        Features.Each(train, x =>
        {
            foreach (var value in x) squares += (value - mean) * (value - mean);
        });
        return squares > 0 ? count / squares / train.InputShape.Length : 1.0;
    }

    // Four chains, so that a sum does not wait for its own last addition.
    private static double Distance(ReadOnlySpan<float> x, ReadOnlySpan<float> y)
    {
        double a = 0, b = 0, c = 0, d = 0;
        var i = 0;
        for (; i + 4 <= x.Length; i += 4)
        {
            double p = (double)x[i] - y[i], q = (double)x[i + 1] - y[i + 1], r = (double)x[i + 2] - y[i + 2], s = (double)x[i + 3] - y[i + 3];
            (a, b, c, d) = (a + p * p, b + q * q, c + r * r, d + s * s);
        }
        for (; i < x.Length; i++) a += ((double)x[i] - y[i]) * ((double)x[i] - y[i]);
        return a + b + (c + d);
    }

    private static double Product(ReadOnlySpan<float> x, ReadOnlySpan<float> y)
    {
        double a = 0, b = 0, c = 0, d = 0;
        var i = 0;
        for (; i + 4 <= x.Length; i += 4)
            (a, b, c, d) = (a + (double)x[i] * y[i], b + (double)x[i + 1] * y[i + 1], c + (double)x[i + 2] * y[i + 2], d + (double)x[i + 3] * y[i + 3]);
        for (; i < x.Length; i++) a += (double)x[i] * y[i];
        return a + b + (c + d);
    }
}
