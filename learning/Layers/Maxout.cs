using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>y_j = max of <c>pieces</c> consecutive elements; a tie takes the lowest.  x [..., D·pieces]  y [..., D].  dy goes to the maximum.  Goodfellow et al. 2013, arXiv:1302.4389.</summary>
[Named("maxout")]
public sealed class Maxout(Maxout.Options options) : Layer
{
    /// <param name="Pieces">Elements of which one wins.</param>
    public sealed record Options([property: Range(1, 4096)] int Pieces = 2);

    public override Shape Build(LayerBuilder build, Shape input) => input.Rank > 0 && input[-1] % options.Pieces == 0
        ? Output(input) : throw build.Misfit(input, $"[..., a multiple of {options.Pieces}]");

    public override string ToOnnx(OnnxGraph graph, string x, Shape input) =>
        graph.Add("ReduceMax", [graph.Reshape(x, [.. Output(input).Axes, options.Pieces])], ("axes", new long[] { -1 }), ("keepdims", 0L));

    public override Tensor Forward(Tape tape, Tensor x)
    {
        var output = Output(x.Shape);
        return new MaxPool2d(new(new Pair(1, options.Pieces))).Forward(tape, x.Reshape(new Shape(1, output.Length, options.Pieces))).Reshape(output);
    }

    private Shape Output(Shape x) => new([.. x.Axes[..^1], x[-1] / options.Pieces]);
}
