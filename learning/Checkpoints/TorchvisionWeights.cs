using System.Globalization;

namespace DistTrain.Learning;

/// <summary>Residual networks of torchvision.models whose names are known.</summary>
public enum TorchvisionNet
{
    Resnet18,
    Resnet34,
    Resnet50,
    Resnet152,
}

/// <summary>
/// The names of a torchvision residual network, each tensor to its place in ours: conv1, bn1, layerS.B.convK, layerS.B.bnK, layerS.B.downsample.K and fc, as torchvision's models/resnet.py calls them. Names that the network
/// has not are left to the rules that follow. Another head: skip "fc.*" before this rule.
/// </summary>
[Named("torchvision")]
public sealed class TorchvisionWeights(TorchvisionWeights.Options options) : WeightRule("")
{
    /// <param name="Net">Which network the file is of; the model must be the one of the same name.</param>
    /// <param name="Stem">The model's stem: torchvision's own networks have imageNet's; cifar for ones whose first convolution was replaced and whose pooling removed.</param>
    public sealed record Options(TorchvisionNet Net, Stem Stem = Stem.ImageNet);

    private readonly int[] _blocks = options.Net switch
    {
        TorchvisionNet.Resnet18 => [2, 2, 2, 2],
        TorchvisionNet.Resnet152 => [3, 8, 36, 3],
        _ => [3, 4, 6, 3],
    };

    private bool IsDeep => options.Net is TorchvisionNet.Resnet50 or TorchvisionNet.Resnet152;

    // Convolution, normalization, ReLU and, for imageNet, pooling come before the blocks.
    private int FirstBlock => options.Stem == Stem.ImageNet ? 4 : 3;

    /// <summary>The name itself where the network has it.</summary>
    public override string? Fits(string name) => NameOf(name) is null ? null : name;

    public override string? NameOf(string rest)
    {
        var parts = rest.Split('.');
        return parts switch
        {
            ["conv1", var tensor] => $"0.{tensor}",
            ["bn1", var tensor] => $"1.{tensor}",
            ["fc", var tensor] => $"{FirstBlock + _blocks.Sum() + 1}.{tensor}",
            [var layer, var block, var part, var tensor] when BlockOf(layer, block) is { } at && BodyOf(part) is { } inside => $"{at}.body.{inside}.{tensor}",
            [var layer, var block, "downsample", "0" or "1", var tensor] when BlockOf(layer, block) is { } at => $"{at}.shortcut.{parts[3]}.{tensor}",
            _ => null,
        };
    }

    // layer1 to layer4, block from 0: where it stands among all layers.
    private int? BlockOf(string layer, string block)
    {
        if (layer is not ['l', 'a', 'y', 'e', 'r', >= '1' and <= '4'] || !int.TryParse(block, NumberStyles.None, CultureInfo.InvariantCulture, out var number)) return null;
        var stage = layer[^1] - '1';
        return number < _blocks[stage] ? FirstBlock + _blocks[..stage].Sum() + number : null;
    }

    // Convolution, normalization, ReLU of the body, three layers each.
    private int? BodyOf(string part) => part switch
    {
        "conv1" => 0,
        "bn1" => 1,
        "conv2" => 3,
        "bn2" => 4,
        "conv3" when IsDeep => 6,
        "bn3" when IsDeep => 7,
        _ => null,
    };
}
