using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>y = x where x &gt; 0, else alpha·(eˣ - 1);  y' = 1, else alpha·eˣ.  Clevert, Unterthiner, Hochreiter 2016, arXiv:1511.07289.</summary>
[Named("elu")]
public sealed class Elu(Elu.Options options) : Activation<Kernels.Functions.Elu>(new(options.Alpha), DerivativeReads.X)
{
    /// <param name="Alpha">Minus the limit for x to minus infinity.</param>
    public sealed record Options([property: Range(0.0, 1e3)] float Alpha = 1f);

    public override string ToOnnx(OnnxGraph graph, string x, Shape input) => graph.Add("Elu", [x], ("alpha", options.Alpha));
}
