using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels.Functions;

namespace DistTrain.Learning;

/// <summary>y = x where x &gt; 0, else weight_c·x; one weight for each channel c of [C, ...], or one for all.  dx = dy, else weight_c·dy;  d weight_c = Σ dy·x where x ≤ 0.  He et al. 2015, arXiv:1502.01852.</summary>
[Named("prelu")]
public sealed class Prelu(Prelu.Options options) : Layer
{
    /// <param name="Slope">First weights.</param>
    /// <param name="Shared">One weight for all channels (PyTorch's num_parameters = 1).</param>
    public sealed record Options([property: Range(-1e3, 1e3)] float Slope = 0.25f, bool Shared = false);

    private readonly Positive _positive = new();
    private readonly Negative _negative = new();
    private Parameter _weight = null!;

    public override Shape Build(LayerBuilder build, Shape input)
    {
        if (input.Rank < 1) throw build.Misfit(input, "[channels, ...]");
        _weight = build.Parameter("weight", new Shape(options.Shared ? 1 : input[0]), new Constant(new(options.Slope)));
        return input;
    }

    public override string ToOnnx(OnnxGraph graph, string x, Shape input)
    {
        var spread = new int[input.Rank];
        Array.Fill(spread, 1);
        if (!options.Shared) spread[0] = input[0];
        return graph.Add("PRelu", [x, graph.Weights(_weight, spread)]);
    }

    public override Tensor Forward(Tape tape, Tensor x)
    {
        var rows = options.Shared ? x.Reshape(new Shape(1, x.Shape.Length)) : x;
        return tape.Add(new Combine<Sum>(tape, tape.Add(new ChannelScaled(tape, _negative.Forward(tape, rows), _weight, null)), _positive.Forward(tape, rows), readsInputs: false, readsOutput: false)).Reshape(x.Shape);
    }

    private sealed class Positive() : Activation<Kernels.Functions.Relu>(default, DerivativeReads.X);

    private sealed class Negative() : Activation<NegativePart>(default, DerivativeReads.X);
}
