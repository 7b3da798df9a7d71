using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>The recurrent layers' formulas in float64: when a golden case is missed, they tell a wrong kernel from a case whose output does not follow from its own inputs.</summary>
internal static class RecurrentVectors
{
    /// <summary>The case's output against the formula applied to the case's inputs.</summary>
    public static double ErrorOfCase(VectorCase v)
    {
        var input = v.Input("x");
        var (samples, steps, gates) = (input.Shape[0], input.Shape[1], v.Input("weight_hh_l0").Shape[0] / v.Input("weight_hh_l0").Shape[1]);
        var x = input.Values;
        for (var layer = 0; v.Inputs.ContainsKey($"weight_ih_l{layer}"); layer++)
        {
            var forward = Direction(v, x, samples, steps, gates, $"l{layer}", reversed: false);
            if (v.Inputs.ContainsKey($"weight_ih_l{layer}_reverse"))
            {
                var backward = Direction(v, x, samples, steps, gates, $"l{layer}_reverse", reversed: true);
                var hidden = forward.Length / samples / steps;
                forward = [.. Enumerable.Range(0, samples * steps).SelectMany(row => forward[(row * hidden)..((row + 1) * hidden)].Concat(backward[(row * hidden)..((row + 1) * hidden)]))];
            }
            x = forward;
        }
        return v.Tensor("output").Error([.. x.Select(value => (float)value)]);
    }

    private static double[] Direction(VectorCase v, double[] x, int samples, int steps, int kinds, string suffix, bool reversed)
    {
        var (wInput, wHidden, bInput, bHidden) = (v.Input($"weight_ih_{suffix}").Values, v.Input($"weight_hh_{suffix}"), Bias(v, $"bias_ih_{suffix}"), Bias(v, $"bias_hh_{suffix}"));
        var (hidden, inputs) = (wHidden.Shape[1], x.Length / (samples * steps));
        var (y, h, c) = (new double[samples * steps * hidden], new double[hidden], new double[hidden]);
        for (var n = 0; n < samples; n++)
        {
            Array.Clear(h);
            Array.Clear(c);
            for (var t = 0; t < steps; t++)
            {
                var row = n * steps + (reversed ? steps - 1 - t : t);
                var (a, b) = (new double[kinds * hidden], new double[kinds * hidden]);
                for (var g = 0; g < a.Length; g++)
                {
                    (a[g], b[g]) = (bInput[g], bHidden[g]);
                    for (var k = 0; k < inputs; k++) a[g] += wInput[g * inputs + k] * x[row * inputs + k];
                    for (var k = 0; k < hidden; k++) b[g] += wHidden.Values[g * hidden + k] * h[k];
                }
                for (var j = 0; j < hidden; j++)
                {
                    double Sum(int gate) => a[gate * hidden + j] + b[gate * hidden + j];
                    if (kinds == 4)
                    {
                        c[j] = Sigmoid(Sum(1)) * c[j] + Sigmoid(Sum(0)) * Tanh(Sum(2));
                        y[row * hidden + j] = Sigmoid(Sum(3)) * Tanh(c[j]);
                    }
                    else if (kinds == 3)
                    {
                        var (z, candidate) = (Sigmoid(Sum(1)), Tanh(a[2 * hidden + j] + Sigmoid(Sum(0)) * b[2 * hidden + j]));
                        y[row * hidden + j] = (1 - z) * candidate + z * h[j];
                    }
                    else y[row * hidden + j] = v.Name.Contains("relu", StringComparison.Ordinal) ? Math.Max(0, Sum(0)) : Tanh(Sum(0));
                }
                Array.Copy(y, row * hidden, h, 0, hidden);
            }
        }
        return y;
    }

    // Absent: zeros.
    private static double[] Bias(VectorCase v, string name) => v.Inputs.ContainsKey(name) ? v.Input(name).Values : new double[v.Input(name.Replace("bias", "weight", StringComparison.Ordinal)).Shape[0]];

    private static double Sigmoid(double v) => 1.0 / (1.0 + Scalar64.Exp(-v));

    private static double Tanh(double v) => 2.0 * Sigmoid(2.0 * v) - 1.0;
}
