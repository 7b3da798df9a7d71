using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>Grouped 1 x 1 convolutions with a shuffle of channels between: stages of 4, 8, 4 units; the first unit of each halves the image and keeps x, pooled, beside it.  Zhang et al. 2017, arXiv:1707.01083.</summary>
[Named("shufflenet")]
public sealed class ShuffleNet(ShuffleNet.Options options) : Model
{
    /// <param name="Stem">How the image enters: cifar for 32 x 32, imageNet for 224 x 224.</param>
    /// <param name="Groups">Of the 1 x 1 convolutions: 1, 2, 3, 4 or 8; the channels follow the paper's table.</param>
    public sealed record Options(Stem Stem = Stem.Cifar, [property: Range(1, 8)] int Groups = 3) : IValidatableObject
    {
        public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
        {
            if (Groups is 5 or 6 or 7) yield return new($"is {Groups}. It must be 1, 2, 3, 4 or 8.", [nameof(Groups)]);
        }
    }

    public override Layer Build(Shape input, int outputs)
    {
        var layers = new List<Layer>(Convolutions.Normalized(24, 3, options.Stem == Stem.Cifar ? 1 : 2));
        if (options.Stem == Stem.ImageNet) layers.Add(Convolutions.MaxPool(3, 2, 1));
        var (inputs, width) = (24, options.Groups switch { 1 => 144, 2 => 200, 3 => 240, 4 => 272, _ => 384 });
        foreach (var units in new[] { 4, 8, 4 })
        {
            for (var unit = 0; unit < units; unit++)
            {
                layers.AddRange(unit == 0 ? Halved(inputs, width) : [new Residual(new() { Body = Body(width, width, width, 1), Relu = true })]);
                inputs = width;
            }
            width *= 2;
        }
        return new Sequential([.. layers, new GlobalAveragePool(), new Linear(new(outputs))]);
    }

    private IEnumerable<Layer> Halved(int inputs, int outputs) =>
    [
        new Concat(new()
        {
            Branches = [new Sequential(new AveragePool2d(new(new Pair(3, 3), new Pair(2, 2), new Pair(1, 1)))), new Sequential(Body(inputs, outputs, outputs - inputs, 2))],
        }),
        new Relu(),
    ];

    // The first 1 x 1 of the first stage has one group: 24 channels are few.
    private Layer[] Body(int inputs, int width, int outputs, int stride) =>
    [
        .. Convolutions.Normalized(width / 4, 1, groups: inputs == 24 ? 1 : options.Groups), new ChannelShuffle(new(options.Groups)),
        .. Convolutions.Normalized(width / 4, 3, stride, groups: width / 4, relu: false), .. Convolutions.Normalized(outputs, 1, groups: options.Groups, relu: false),
    ];
}
