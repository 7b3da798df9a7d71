using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>y = means over windows, zeros of the padding counted of each channel's line: averagePool2d over one row.  x [C, T]  y [C, OT],  OT = ⌊(T + 2·padding - kernel) / stride⌋ + 1.</summary>
[Named("averagePool1d")]
public sealed class AveragePool1d(AveragePool1d.Options options) : Layer
{
    /// <param name="Kernel">Steps of the window.</param>
    /// <param name="Stride">Step between windows; not given: the kernel.</param>
    /// <param name="Padding">Steps around the input; at most half the kernel.</param>
    public sealed record Options([property: Range(1, 4096)] int Kernel, [property: Range(1, 4096)] int? Stride = null, [property: Range(0, 2048)] int Padding = 0) : IValidatableObject
    {
        public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) => Window.Validate(new Pair(1, Kernel), new Pair(0, Padding));
    }

    private readonly AveragePool2d _line = new(new(new Pair(1, options.Kernel), new Pair(1, options.Stride ?? options.Kernel), new Pair(0, options.Padding)));

    public override Shape Build(LayerBuilder build, Shape input)
    {
        if (input.Rank != 2 || input[1] + 2 * options.Padding < options.Kernel) throw build.Misfit(input, $"[channels, steps] of at least {options.Kernel - 2 * options.Padding}");
        return new Shape(input[0], _line.Build(build, new Shape(input[0], 1, input[1]))[2]);
    }

    public override Tensor Forward(Tape tape, Tensor x)
    {
        var y = _line.Forward(tape, x.Reshape(new Shape(x.Shape[0], 1, x.Shape[1])));
        return y.Reshape(new Shape(y.Shape[0], y.Shape[2]));
    }
}
