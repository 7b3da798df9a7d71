using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>y = x·s, s = sigmoid(beta·x);  y' = s + beta·y·(1 - s). With beta 1 it is silu.  Ramachandran, Zoph, Le 2017, arXiv:1710.05941.</summary>
[Named("swish")]
public sealed class Swish(Swish.Options options) : Activation<Kernels.Functions.Swish>(new(options.Beta), DerivativeReads.X | DerivativeReads.Y)
{
    /// <param name="Beta">How steep; not trained.</param>
    public sealed record Options([property: Range(0.0, 1e3)] float Beta = 1f);

    public override string ToOnnx(OnnxGraph graph, string x, Shape input) => graph.Add("Mul", [x, graph.Add("Sigmoid", [graph.Add("Mul", [x, graph.Scalar(options.Beta)])])]);
}
