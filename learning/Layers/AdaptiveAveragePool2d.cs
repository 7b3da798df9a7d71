using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>y = means of OY x OX windows that cover the plane: window i of an axis is [⌊i·H / OY⌋, ⌈(i + 1)·H / OY⌉).  x [C, H, W]  y [C, OY, OX].  dy spreads evenly.</summary>
[Named("adaptiveAveragePool2d")]
public sealed class AdaptiveAveragePool2d(AdaptiveAveragePool2d.Options options) : Layer
{
    /// <param name="Out">Height and width of the output.</param>
    public sealed record Options([property: Range(1, 4096)] Pair Out);

    public override Shape Build(LayerBuilder build, Shape input) => input.Rank == 3 && input.Length > 0 ? Output(input) : throw build.Misfit(input, "[channels, height, width]");

    public override string ToOnnx(OnnxGraph graph, string x, Shape input)
    {
        long[] window = [input[1] / options.Out.Y, input[2] / options.Out.X];
        return input[1] % options.Out.Y == 0 && input[2] % options.Out.X == 0 ? graph.Add("AveragePool", [x], ("kernel_shape", window), ("strides", window))
            : throw new NotSupportedException($"layer {GetType().Name} has a form in ONNX where its windows are of one size: {input[1]} x {input[2]} must be a multiple of {options.Out}. Export to safetensors instead.");
    }

    public override Tensor Forward(Tape tape, Tensor x)
    {
        var (height, width, output) = (x.Shape[1], x.Shape[2], Output(x.Shape));
        var (plane, entries) = (output[1] * output[2], new List<(int, int, float)>()); // one plane's: all channels are alike
        for (var i = 0; i < plane; i++)
        {
            var (y, column) = (i / output[2], i % output[2]);
            var ((top, bottom), (left, right)) = (Window(y, output[1], height), Window(column, output[2], width));
            for (var row = top; row < bottom; row++)
                for (var at = left; at < right; at++) entries.Add((i, row * width + at, 1f / ((bottom - top) * (right - left))));
        }
        return tape.Add(new Rearranged(tape, x, new SparseMatrix(plane, height * width, entries), output, repeats: output[0]) { Field = NodeField.Adaptive(height, width, output[1], output[2]) });
    }

    private static (int Start, int End) Window(int i, int count, int size) => (i * size / count, ((i + 1) * size + count - 1) / count);

    private Shape Output(Shape x) => new(x[0], options.Out.Y, options.Out.X);
}
