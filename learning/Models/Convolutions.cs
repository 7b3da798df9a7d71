namespace DistTrain.Learning;

/// <summary>What convolutional models are made of: convolutions with batch normalization, and blocks of them.</summary>
internal static class Convolutions
{
    /// <summary>The nearest multiple of 8 to channels·width that takes away less than a tenth, as published weights of scaled networks have it.</summary>
    public static int Channels(int channels, double width)
    {
        var (wanted, rounded) = (channels * width, Math.Max(8, (int)(channels * width + 4) / 8 * 8));
        return rounded < 0.9 * wanted ? rounded + 8 : rounded;
    }

    /// <summary>Convolution without bias, batch normalization, ReLU when asked for; padding keeps the size at stride 1.</summary>
    public static IEnumerable<Layer> Normalized(int outputs, int kernel, int stride = 1, int groups = 1, bool relu = true)
    {
        yield return new Conv2d(new(outputs, new Pair(kernel, kernel)) { Stride = new Pair(stride, stride), Padding = new Pair(kernel / 2, kernel / 2), Groups = groups, Bias = false });
        yield return new BatchNorm(new());
        if (relu) yield return new Relu();
    }

    /// <summary>Convolution with bias and ReLU.</summary>
    public static IEnumerable<Layer> Rectified(int outputs, int kernel, int stride = 1, int padding = 0)
    {
        yield return new Conv2d(new(outputs, new Pair(kernel, kernel)) { Stride = new Pair(stride, stride), Padding = new Pair(padding, padding) });
        yield return new Relu();
    }

    /// <summary>Two 3 x 3 convolutions beside a shortcut.  He et al. 2015, arXiv:1512.03385, the basic block.</summary>
    public static Layer Basic(int inputs, int outputs, int stride, Layer? gate = null) => new Residual(new()
    {
        Body = [.. Normalized(outputs, 3, stride), .. Normalized(outputs, 3, relu: false), .. gate is null ? (Layer[])[] : [gate]],
        Shortcut = stride == 1 && inputs == outputs ? [] : [.. Normalized(outputs, 1, stride, relu: false)],
        Relu = true,
    });

    /// <summary>1 x 1, 3 x 3, 1 x 1 convolutions beside a shortcut; the stride is the 3 x 3's, as torchvision has it.</summary>
    public static Layer Bottleneck(int inputs, int width, int outputs, int stride) => new Residual(new()
    {
        Body = [.. Normalized(width, 1), .. Normalized(width, 3, stride), .. Normalized(outputs, 1, relu: false)],
        Shortcut = stride == 1 && inputs == outputs ? [] : [.. Normalized(outputs, 1, stride, relu: false)],
        Relu = true,
    });

    public static MaxPool2d MaxPool(int kernel, int stride, int padding = 0) => new(new(new Pair(kernel, kernel), new Pair(stride, stride), new Pair(padding, padding)));
}

/// <summary>How an image enters a network that was drawn for 224 x 224.</summary>
public enum Stem
{
    /// <summary>A 3 x 3 convolution of stride 1 and no pooling: 32 x 32 images.</summary>
    Cifar,

    /// <summary>A 7 x 7 convolution of stride 2 and a 3 x 3 pooling of stride 2.</summary>
    ImageNet,
}
