using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>y = (x - mean_c) / √(var_c + epsilon) over each channel's own positions of one sample; with weight_c and bias_c where they are asked for.  x, y [C, ...].  Ulyanov, Vedaldi, Lempitsky 2016, arXiv:1607.08022.</summary>
[Named("instanceNorm")]
public sealed class InstanceNorm(InstanceNorm.Options options) : Layer
{
    /// <param name="Affine">Whether weight and bias are there; PyTorch's default is without.</param>
    /// <param name="Epsilon">Added to the variance.</param>
    public sealed record Options(bool Affine = false, [property: Range(0.0, 1.0, MinimumIsExclusive = true)] float Epsilon = 1e-5f);

    private Parameter? _weight;
    private Parameter? _bias;

    public override Shape Build(LayerBuilder build, Shape input)
    {
        if (input.Rank < 2 || input.Length / input[0] < 2) throw build.Misfit(input, "[channels, ...] with two positions or more");
        if (!options.Affine) return input;
        _weight = build.Parameter("weight", new Shape(input[0]), new Constant(new(1f)));
        _bias = build.Parameter("bias", new Shape(input[0]), new Constant(new(0f)));
        return input;
    }

    public override string ToOnnx(OnnxGraph graph, string x, Shape input) => graph.Add("InstanceNormalization",
        [x, _weight is null ? graph.Filled(1f, input[0]) : graph.Weights(_weight), _bias is null ? graph.Filled(0f, input[0]) : graph.Weights(_bias)], ("epsilon", options.Epsilon));

    public override Tensor Forward(Tape tape, Tensor x)
    {
        var y = tape.Add(new LayerNorm.Rows(tape, x, x.Shape.Length / x.Shape[0], options.Epsilon, null, null));
        return options.Affine ? tape.Add(new ChannelScaled(tape, y, _weight, _bias)) : y;
    }
}
