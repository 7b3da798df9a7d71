using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>w ~ U[-1/√in, 1/√in): PyTorch's default for the weights (Kaiming uniform with a = √5) and biases of linear and convolution layers.</summary>
[Named("fanInUniform")]
public sealed class FanInUniform : Initializer
{
    public override void Fill(Span<float> values, Fan fan, ulong key)
    {
        var bound = (float)(1.0 / Math.Sqrt(fan.In));
        RandomFill.Uniform(values, key, -bound, bound);
    }
}
