namespace DistTrain.Learning;

/// <summary>A small network of depthwise-separable convolutions for 32 x 32 images: 32, then blocks 64, 128, 128, 256, 256.  Howard et al. 2017, arXiv:1704.04861.</summary>
[Named("mobilenet")]
public sealed class MobileNet : Model
{
    public override Layer Build(Shape input, int outputs) => new Sequential(
        [.. Convolutions.Normalized(32, 3), Convolutions.Separable(32, 64, 1), Convolutions.Separable(64, 128, 2), Convolutions.Separable(128, 128, 1),
            Convolutions.Separable(128, 256, 2), Convolutions.Separable(256, 256, 1), new GlobalAveragePool(), new Linear(new(outputs))]);
}
