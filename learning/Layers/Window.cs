using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>What the pooling layers share: windows over the planes of [C, H, W].</summary>
internal static class Window
{
    public static IEnumerable<ValidationResult> Validate(Pair kernel, Pair padding)
    {
        if (padding.Y > kernel.Y / 2 || padding.X > kernel.X / 2)
            yield return new($"is {padding}. It must be at most half the kernel, {kernel}.", [nameof(padding)]);
    }

    public static Shape Output(LayerBuilder build, Shape input, Pair kernel, Pair? stride, Pair padding)
    {
        if (input.Rank != 3 || input[1] + 2 * padding.Y < kernel.Y || input[2] + 2 * padding.X < kernel.X)
            throw build.Misfit(input, $"[channels, height, width] of at least {kernel.Y - 2 * padding.Y} x {kernel.X - 2 * padding.X}");
        var shape = Of(input, kernel, stride, padding);
        return new Shape(input[0], shape.OutY, shape.OutX);
    }

    public static (string, object)[] ToOnnx(Pair kernel, Pair? stride, Pair padding) =>
    [
        ("kernel_shape", new long[] { kernel.Y, kernel.X }), ("strides", new long[] { (stride ?? kernel).Y, (stride ?? kernel).X }), ("pads", new long[] { padding.Y, padding.X, padding.Y, padding.X }),
    ];

    public static Pool2dShape Of(Shape x, Pair kernel, Pair? stride, Pair padding)
    {
        var step = stride ?? kernel;
        return new Pool2dShape(x[0], x[1], x[2], kernel.Y, kernel.X, step.Y, step.X, padding.Y, padding.X);
    }
}
