using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>The LSTM's formula in float64: when a golden case is missed, it tells a wrong kernel from a case whose output does not follow from its own inputs.</summary>
internal static class LstmVectors
{
    /// <summary>The case's output against the formula applied to the case's inputs.</summary>
    public static double ErrorOfCase(VectorCase v, int layers)
    {
        var input = v.Input("x");
        var (samples, steps) = (input.Shape[0], input.Shape[1]);
        var x = input.Values;
        for (var layer = 0; layer < layers; layer++)
            x = Layer(x, samples, steps, v.Input($"weight_ih_l{layer}").Values, v.Input($"weight_hh_l{layer}"), v.Input($"bias_ih_l{layer}").Values, v.Input($"bias_hh_l{layer}").Values);
        return v.Tensor("output").Error([.. x.Select(value => (float)value)]);
    }

    private static double[] Layer(double[] x, int samples, int steps, double[] wInput, VectorTensor wHidden, double[] bInput, double[] bHidden)
    {
        var (hidden, inputs) = (wHidden.Shape[1], x.Length / (samples * steps));
        var (y, h, c) = (new double[samples * steps * hidden], new double[hidden], new double[hidden]);
        for (var n = 0; n < samples; n++)
        {
            Array.Clear(h);
            Array.Clear(c);
            for (var row = n * steps; row < (n + 1) * steps; row++)
            {
                var gates = new double[4 * hidden];
                for (var g = 0; g < gates.Length; g++)
                {
                    gates[g] = bInput[g] + bHidden[g];
                    for (var k = 0; k < inputs; k++) gates[g] += wInput[g * inputs + k] * x[row * inputs + k];
                    for (var k = 0; k < hidden; k++) gates[g] += wHidden.Values[g * hidden + k] * h[k];
                }
                for (var j = 0; j < hidden; j++)
                {
                    c[j] = Sigmoid(gates[hidden + j]) * c[j] + Sigmoid(gates[j]) * Tanh(gates[2 * hidden + j]);
                    h[j] = Sigmoid(gates[3 * hidden + j]) * Tanh(c[j]);
                    y[row * hidden + j] = h[j];
                }
            }
        }
        return y;
    }

    private static double Sigmoid(double v) => 1.0 / (1.0 + Scalar64.Exp(-v));

    private static double Tanh(double v) => 2.0 * Sigmoid(2.0 * v) - 1.0;
}
