using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>y = means over windows, zeros of the padding counted or not, of each channel's line: averagePool2d over one row.  x [C, T]  y [C, OT],  OT = ⌊(T + 2·padding - kernel) / stride⌋ + 1.</summary>
[Named("averagePool1d")]
public sealed class AveragePool1d(AveragePool1d.Options options) : Layer
{
    /// <param name="Kernel">Steps of the window.</param>
    /// <param name="Stride">Step between windows; not given: the kernel.</param>
    /// <param name="Padding">Steps around the input; at most half the kernel.</param>
    /// <param name="CountPadding">Divides by the window's whole size; otherwise by what of it lies inside.</param>
    public sealed record Options([property: Range(1, 4096)] int Kernel, [property: Range(1, 4096)] int? Stride = null, [property: Range(0, 2048)] int Padding = 0, bool CountPadding = true) : IValidatableObject
    {
        public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) => Window.Validate(new Pair(1, Kernel), new Pair(0, Padding));
    }

    private readonly AveragePool2d _line = new(new(new Pair(1, options.Kernel), new Pair(1, options.Stride ?? options.Kernel), new Pair(0, options.Padding), options.CountPadding));

    public override Shape Build(LayerBuilder build, Shape input) => PooledAxes.BuildLine(build, input, _line, options.Kernel, options.Padding);

    public override string ToOnnx(OnnxGraph graph, string x, Shape input) => PooledAxes.LineToOnnx(graph, x, input, _line);

    public override Tensor Forward(Tape tape, Tensor x) => PooledAxes.Line(tape, x, _line);
}
