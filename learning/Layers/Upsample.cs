using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>How the pixels between are made.</summary>
public enum Interpolation
{
    /// <summary>The nearest pixel.</summary>
    Nearest,

    /// <summary>Between the four around, pixels being squares (PyTorch's corners not aligned).</summary>
    Bilinear,
}

/// <summary>Planes <c>factor</c> times as high and wide.  x [C, H, W]  y [C, factor·H, factor·W].</summary>
[Named("upsample")]
public sealed class Upsample(Upsample.Options options) : Layer
{
    /// <param name="Factor">How many times.</param>
    /// <param name="Mode">nearest or bilinear.</param>
    public sealed record Options([property: Range(1, 64)] int Factor = 2, Interpolation Mode = Interpolation.Nearest);

    public override Shape Build(LayerBuilder build, Shape input) => input.Rank == 3 ? Output(input) : throw build.Misfit(input, "[channels, height, width]");

    public override string ToOnnx(OnnxGraph graph, string x, Shape input)
    {
        var scales = graph.Constant($"scales_{options.Factor}", [4], [1f, 1f, options.Factor, options.Factor]);
        return options.Mode == Interpolation.Nearest
            ? graph.Add("Resize", [x, "", scales], ("mode", "nearest"), ("coordinate_transformation_mode", "asymmetric"), ("nearest_mode", "floor"))
            : graph.Add("Resize", [x, "", scales], ("mode", "linear"), ("coordinate_transformation_mode", "half_pixel"));
    }

    public override Tensor Forward(Tape tape, Tensor x)
    {
        var (height, width, output) = (x.Shape[1], x.Shape[2], Output(x.Shape));
        var (plane, entries) = (output[1] * output[2], new List<(int, int, float)>()); // one plane's: all channels are alike
        for (var i = 0; i < plane; i++)
        {
            var (y, column) = (i / output[2], i % output[2]);
            foreach (var (row, byRow) in Taps(y, height))
                foreach (var (at, byColumn) in Taps(column, width)) entries.Add((i, row * width + at, byRow * byColumn));
        }
        return tape.Add(new Rearranged(tape, x, new SparseMatrix(plane, height * width, entries), output, repeats: output[0]) { Field = NodeField.Enlarged(options.Factor, options.Factor, options.Mode == Interpolation.Bilinear) });
    }

    // Which input places give output place o of one axis, and how much each.
    private IEnumerable<(int At, float Weight)> Taps(int o, int size)
    {
        if (options.Mode == Interpolation.Nearest) return [(o / options.Factor, 1f)];
        var place = Math.Max(0f, (o + 0.5f) / options.Factor - 0.5f);
        var first = (int)place;
        return first + 1 >= size || place == first ? [(Math.Min(first, size - 1), 1f)] : [(first, 1f - (place - first)), (first + 1, place - first)];
    }

    private Shape Output(Shape x) => new(x[0], x[1] * options.Factor, x[2] * options.Factor);
}
