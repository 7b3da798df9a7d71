using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>y = (x - mean_g) / √(var_g + epsilon)·weight_c + bias_c over groups of consecutive channels of one sample; x, y [C, ...]. Groups = channels is instance normalization.  Wu, He 2018, arXiv:1803.08494.</summary>
[Named("groupNorm")]
public sealed class GroupNorm(GroupNorm.Options options) : Layer
{
    /// <param name="Groups">Divides the channels.</param>
    /// <param name="Epsilon">Added to the variance.</param>
    public sealed record Options([property: Range(1, 1 << 20)] int Groups, [property: Range(0.0, 1.0, MinimumIsExclusive = true)] float Epsilon = 1e-5f);

    private Parameter _weight = null!;
    private Parameter _bias = null!;

    public override Shape Build(LayerBuilder build, Shape input)
    {
        if (input.Rank < 1 || input.Length == 0 || input[0] % options.Groups != 0) throw build.Misfit(input, $"[channels (a multiple of {options.Groups}), ...]");
        _weight = build.Parameter("weight", new Shape(input[0]), new Constant(new(1f)));
        _bias = build.Parameter("bias", new Shape(input[0]), new Constant(new(0f)));
        return input;
    }

    public override string ToOnnx(OnnxGraph graph, string x, Shape input)
    {
        var rows = graph.Reshape(graph.Normalized(graph.Reshape(x, options.Groups, input.Length / options.Groups), options.Epsilon), input.Axes.ToArray());
        var spread = new int[input.Rank];
        Array.Fill(spread, 1);
        spread[0] = input[0];
        return graph.Add("Add", [graph.Add("Mul", [rows, graph.Weights(_weight, spread)]), graph.Weights(_bias, spread)]);
    }

    public override Tensor Forward(Tape tape, Tensor x) =>
        tape.Add(new ChannelScaled(tape, tape.Add(new LayerNorm.Rows(tape, x, x.Shape.Length / options.Groups, options.Epsilon, null, null)), _weight, _bias));
}
