namespace DistTrain.Learning;

/// <summary>y = min(max(x, 0), 6);  y' = 1 where 0 &lt; x &lt; 6, else 0.  Krizhevsky 2010.</summary>
[Named("relu6")]
public sealed class Relu6() : Activation<Kernels.Functions.Relu6>(default, DerivativeReads.X)
{
    public override string ToOnnx(OnnxGraph graph, string x, Shape input) => graph.Add("Clip", [x, graph.Constant("zero", [], [0f]), graph.Constant("six", [], [6f])]);
}
