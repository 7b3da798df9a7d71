using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>Adaptive maxima on grids of several sizes, side by side: images of all sizes give one length.  x [C, H, W]  y [C·Σ n²], grid by grid as PyTorch's adaptive_max_pool2d flattened.  He et al. 2014, arXiv:1406.4729.</summary>
[Named("spatialPyramidPool")]
public sealed class SpatialPyramidPool(SpatialPyramidPool.Options options) : Layer
{
    public sealed record Options
    {
        /// <summary>n of each grid of n x n cells.</summary>
        [Range(1, 256)] public IReadOnlyList<int> Levels { get; init; } = [4, 2, 1];
    }

    public override Shape Build(LayerBuilder build, Shape input) => input.Rank == 3 && input.Length > 0 && options.Levels.Count > 0 ? new Shape(options.Levels.Sum(n => input[0] * n * n)) : throw build.Misfit(input, "[channels, height, width], and at least one level");

    public override Tensor Forward(Tape tape, Tensor x) => tape.Add(new Joined(tape,
        [.. options.Levels.Select(n => tape.Add(new RegionPooled(tape, x, null, new(x.Shape[0], x.Shape[1], x.Shape[2], 1, n, n))).Reshape(new Shape(x.Shape[0] * n * n)))]));
}
