namespace DistTrain.Learning;

/// <summary>A small network of depthwise-separable convolutions for 32 x 32 images: 32, then blocks 64, 128, 128, 256, 256.  Howard et al. 2017, arXiv:1704.04861.</summary>
[Named("mobilenet")]
public sealed class MobileNet : Model
{
    public override Layer Build(Shape input, int outputs) => new Sequential(
        [.. Convolutions.Normalized(32, 3), new SeparableConv2d(new(64)), new SeparableConv2d(new(128, 3, 2)), new SeparableConv2d(new(128)),
            new SeparableConv2d(new(256, 3, 2)), new SeparableConv2d(new(256)), new GlobalAveragePool(), new Linear(new(outputs))]);
}
