namespace DistTrain.Learning;

/// <summary>y = x·s, s = sigmoid x;  y' = s + y·(1 - s).  Also called swish.  Elfwing, Uchibe, Doya 2018, arXiv:1702.03118.</summary>
[Named("silu")]
public sealed class Silu() : Activation<Kernels.Functions.Silu>(default, DerivativeReads.X | DerivativeReads.Y)
{
    public override string ToOnnx(OnnxGraph graph, string x, Shape input) => graph.Add("Mul", [x, graph.Add("Sigmoid", [x])]);
}
