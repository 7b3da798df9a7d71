using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>Channels become pixels: y[c, r·i + a, r·j + b] = x[c·r² + r·a + b, i, j].  x [C·r², H, W]  y [C, r·H, r·W].  Shi et al. 2016, arXiv:1609.05158.</summary>
[Named("pixelShuffle")]
public sealed class PixelShuffle(PixelShuffle.Options options) : Layer
{
    /// <param name="Factor">r.</param>
    public sealed record Options([property: Range(1, 64)] int Factor = 1);

    public override Shape Build(LayerBuilder build, Shape input) => input.Rank == 3 && input[0] % (options.Factor * options.Factor) == 0
        ? Output(input) : throw build.Misfit(input, $"[channels (a multiple of {options.Factor * options.Factor}), height, width]");

    public override string ToOnnx(OnnxGraph graph, string x, Shape input) => graph.Add("DepthToSpace", [x], ("blocksize", (long)options.Factor), ("mode", "CRD"));

    public override Tensor Forward(Tape tape, Tensor x)
    {
        var (r, height, width) = (options.Factor, x.Shape[1], x.Shape[2]);
        return Rearranged.Selection(tape, x, Output(x.Shape), i =>
        {
            var (c, row, column) = (i / (r * width) / (r * height), i / (r * width) % (r * height), i % (r * width));
            return ((c * r * r + row % r * r + column % r) * height + row / r) * width + column / r;
        }, field: NodeField.Enlarged(r, r));
    }

    private Shape Output(Shape x) => new(x[0] / options.Factor / options.Factor, x[1] * options.Factor, x[2] * options.Factor);
}
