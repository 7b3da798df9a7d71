using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>
/// RoI pooling: the maximum of each cell of an OY x OX grid laid on each region of a feature map, so that regions of all sizes give one size.  features(x) [C, H, W]  regions(x) [R, 4] or [4·R]:
/// x1, y1, x2, y2 in pixels, ends included, times scale  y [R, C, OY, OX]. dy goes to the maxima; regions get none.  Girshick 2015, arXiv:1504.08083.
/// </summary>
[Named("roiPool2d")]
public sealed class RoiPool2d(RoiPool2d.Options options) : Layer
{
    /// <param name="Out">Height and width of the grid.</param>
    /// <param name="Scale">From pixels of the image to places of the feature map: 1/16 behind four halvings.</param>
    public sealed record Options([property: Range(1, 256)] Pair Out, [property: Range(0.0, 1e6, MinimumIsExclusive = true)] float Scale = 1f)
    {
        /// <summary>Layers that make the feature map of a sample, named features.0, ...; none: the sample itself.</summary>
        public IReadOnlyList<Layer> Features { get; init; } = [];

        /// <summary>Layers that make the regions of a sample, named regions.0, ...: a slice of the sample, a network that proposes them; none: one region, the whole map.</summary>
        public IReadOnlyList<Layer> Regions { get; init; } = [];
    }

    private readonly Sequential _features = new([.. options.Features]);
    private readonly Sequential _regions = new([.. options.Regions]);

    public override Shape Build(LayerBuilder build, Shape input)
    {
        var features = build.Child("features", _features, input);
        if (features.Rank != 3 || features.Length == 0) throw build.Misfit(input, $"features [channels, height, width]; here they are {features}");
        if (options.Regions.Count == 0) return new Shape(1, features[0], options.Out.Y, options.Out.X);
        var regions = build.Child("regions", _regions, input);
        return regions.Length > 0 && regions.Length % 4 == 0 ? new Shape(regions.Length / 4, features[0], options.Out.Y, options.Out.X) : throw build.Misfit(input, $"regions of four numbers each; here they are {regions}");
    }

    public override Tensor Forward(Tape tape, Tensor x)
    {
        var features = _features.Forward(tape, x);
        var regions = options.Regions.Count == 0 ? null : _regions.Forward(tape, x);
        return tape.Add(new RegionPooled(tape, features, regions,
            new(features.Shape[0], features.Shape[1], features.Shape[2], regions is null ? 1 : regions.Shape.Length / 4, options.Out.Y, options.Out.X, options.Scale)));
    }
}
