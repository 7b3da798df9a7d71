namespace DistTrain.Learning;

/// <summary>y = x·Φ(x), Φ(x) = (1 + erf(x / √2)) / 2;  y' = Φ(x) + x·φ(x), φ the normal density.  Hendrycks, Gimpel 2016, arXiv:1606.08415.</summary>
[Named("gelu")]
public sealed class Gelu() : Activation<Kernels.Functions.Gelu>(default, DerivativeReads.X)
{
    public override string ToOnnx(OnnxGraph graph, string x, Shape input) =>
        graph.Add("Mul", [graph.Add("Mul", [x, graph.Scalar(0.5f)]), graph.Add("Add", [graph.Add("Erf", [graph.Add("Mul", [x, graph.Scalar(0.70710678f)])]), graph.Scalar(1f)])]);
}
