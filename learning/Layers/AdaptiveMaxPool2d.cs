using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>y = maxima of OY x OX windows that cover the plane: window i of an axis is [⌊i·H / OY⌋, ⌈(i + 1)·H / OY⌉); a tie takes the lowest index.  x [C, H, W]  y [C, OY, OX].  dy goes to the maximum.</summary>
[Named("adaptiveMaxPool2d")]
public sealed class AdaptiveMaxPool2d(AdaptiveMaxPool2d.Options options) : Layer
{
    /// <param name="Out">Height and width of the output.</param>
    public sealed record Options([property: Range(1, 4096)] Pair Out);

    public override Shape Build(LayerBuilder build, Shape input) => input.Rank == 3 && input.Length > 0 ? new Shape(input[0], options.Out.Y, options.Out.X) : throw build.Misfit(input, "[channels, height, width]");

    public override string ToOnnx(OnnxGraph graph, string x, Shape input)
    {
        long[] window = [input[1] / options.Out.Y, input[2] / options.Out.X];
        return input[1] % options.Out.Y == 0 && input[2] % options.Out.X == 0 ? graph.Add("MaxPool", [x], ("kernel_shape", window), ("strides", window))
            : throw new NotSupportedException($"layer {GetType().Name} has a form in ONNX where its windows are of one size: {input[1]} x {input[2]} must be a multiple of {options.Out}. Export to safetensors instead.");
    }

    public override Tensor Forward(Tape tape, Tensor x) =>
        tape.Add(new RegionPooled(tape, x, null, new(x.Shape[0], x.Shape[1], x.Shape[2], 1, options.Out.Y, options.Out.X))).Reshape(new Shape(x.Shape[0], options.Out.Y, options.Out.X));
}
