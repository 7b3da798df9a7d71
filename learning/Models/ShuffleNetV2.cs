using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>Units that split channels in two, convolve one half and shuffle: equal widths, no groups in 1 x 1 convolutions, few branches, no sums.  3x224x224, 1000 outputs: 2,278,604 parameters at width 1.  Ma et al. 2018, arXiv:1807.11164.</summary>
[Named("shufflenetV2")]
public sealed class ShuffleNetV2(ShuffleNetV2.Options options) : Model
{
    /// <param name="Stem">How the image enters: cifar for 32 x 32, imageNet for 224 x 224.</param>
    /// <param name="Width">0.5, 1, 1.5 or 2: which of the paper's tables of channels.</param>
    public sealed record Options(Stem Stem = Stem.Cifar, [property: Range(0.5, 2.0)] double Width = 1.0) : IValidatableObject
    {
        public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
        {
            if (Width is not (0.5 or 1.0 or 1.5 or 2.0)) yield return new($"is {Width}. It must be 0.5, 1, 1.5 or 2.", [nameof(Width)]);
        }
    }

    public override Layer Build(Shape input, int outputs)
    {
        var layers = new List<Layer>(Convolutions.Normalized(24, 3, options.Stem == Stem.Cifar ? 1 : 2));
        if (options.Stem == Stem.ImageNet) layers.Add(Convolutions.MaxPool(3, 2, 1));
        var (inputs, width) = (24, options.Width switch { 0.5 => 48, 1.0 => 116, 1.5 => 176, _ => 244 });
        foreach (var units in new[] { 4, 8, 4 })
        {
            for (var unit = 0; unit < units; unit++)
                layers.AddRange(unit == 0 ? Halved(inputs, width / 2) : [new ChannelSplit(new() { Branches = [new Sequential(), new Sequential(Body(width / 2, 1))] }), new ChannelShuffle(new(2))]);
            (inputs, width) = (width, 2 * width);
        }
        return new Sequential([.. layers, .. Convolutions.Normalized(options.Width == 2.0 ? 2048 : 1024, 1), new GlobalAveragePool(), new Linear(new(outputs))]);
    }

    private static Layer[] Halved(int inputs, int half) =>
    [
        new Concat(new()
        {
            Branches =
            [
                new Sequential([.. Convolutions.Normalized(inputs, 3, 2, inputs, relu: false), .. Convolutions.Normalized(half, 1)]),
                new Sequential(Body(half, 2)),
            ],
        }),
        new ChannelShuffle(new(2)),
    ];

    private static Layer[] Body(int half, int stride) =>
        [.. Convolutions.Normalized(half, 1), .. Convolutions.Normalized(half, 3, stride, half, relu: false), .. Convolutions.Normalized(half, 1)];
}
