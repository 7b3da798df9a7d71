using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>y = x where x &gt; 0, else slope·x.  Maas, Hannun, Ng 2013.</summary>
[Named("leakyRelu")]
public sealed class LeakyRelu(LeakyRelu.Options options) : Activation<Kernels.Functions.LeakyRelu>(new(options.Slope), DerivativeReads.X)
{
    /// <param name="Slope">Slope below zero.</param>
    public sealed record Options([property: Range(0.0, 1e3)] float Slope = 0.01f);

    public override string ToOnnx(OnnxGraph graph, string x, Shape input) => graph.Add("LeakyRelu", [x], ("alpha", options.Slope));
}
