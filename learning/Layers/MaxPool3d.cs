using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>y = max over windows of each channel's volume: over planes first, then over depth.  x [C, D, H, W]  y [C, OD, OY, OX], sizes as maxPool2d's. A tie takes the lowest index.  Tran et al. 2015, arXiv:1412.0767.</summary>
[Named("maxPool3d")]
public sealed class MaxPool3d(MaxPool3d.Options options) : Layer
{
    /// <param name="Kernel">Height and width of the window.</param>
    /// <param name="Depth">Depth of the window; not given: the kernel's height.</param>
    public sealed record Options([property: Range(1, 1024)] Pair Kernel, [property: Range(1, 1024)] int? Depth = null) : IValidatableObject
    {
        /// <summary>Step between windows; not given: the kernel.</summary>
        [Range(1, 1024)] public Pair? Stride { get; init; }

        /// <summary>Step between windows along the depth; not given: the window's depth.</summary>
        [Range(1, 1024)] public int? StrideDepth { get; init; }

        /// <summary>Cells around each plane; at most half the kernel.</summary>
        [Range(0, 512)] public Pair Padding { get; init; }

        public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) => Window.Validate(Kernel, Padding);
    }

    private readonly MaxPool2d _planes = new(new(options.Kernel, options.Stride, options.Padding));
    private readonly MaxPool2d _depth = new(new(new Pair(options.Depth ?? options.Kernel.Y, 1), new Pair(options.StrideDepth ?? options.Depth ?? options.Kernel.Y, 1))) { AlongDepth = true };

    public override Shape Build(LayerBuilder build, Shape input) => PooledAxes.BuildVolume(build, input, _planes, _depth, options.Depth ?? options.Kernel.Y);

    public override string ToOnnx(OnnxGraph graph, string x, Shape input) => PooledAxes.VolumeToOnnx(graph, x, input, _planes, _depth);

    public override Tensor Forward(Tape tape, Tensor x) => PooledAxes.Volume(tape, x, _planes, _depth);
}
