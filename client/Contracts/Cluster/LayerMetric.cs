using System.Diagnostics.CodeAnalysis;

namespace DistTrain.Contracts;

/// <summary>Names of figures measured for each layer: <c>layer/NAME/FIGURE</c>, NAME the layer's place in the network (<c>features.0</c>), as <c>summary</c> lists it.</summary>
public static class LayerMetric
{
    /// <summary>Norm of the gradient of the layer's parameters, before clipping. Of a step.</summary>
    public const string GradNorm = "gradNorm";

    /// <summary>‖w after - w before‖ / ‖w before‖ of the layer's parameters. Of a step.</summary>
    public const string UpdateRatio = "updateRatio";

    /// <summary>Share of the layer's units (channels of images) that are zero on every sample looked at, in [0, 1]: of layers that end in a ReLU. Of an evaluation.</summary>
    public const string DeadShare = "deadShare";

    private const string Prefix = "layer/";

    public static string Name(string layer, string figure) => $"{Prefix}{layer}/{figure}";

    /// <summary>Takes a name apart; false where it names no figure of a layer.</summary>
    public static bool TryParse(string name, [NotNullWhen(true)] out string? layer, [NotNullWhen(true)] out string? figure)
    {
        (layer, figure) = (null, null);
        if (!name.StartsWith(Prefix, StringComparison.Ordinal) || name.LastIndexOf('/') is var cut && cut <= Prefix.Length) return false;
        (layer, figure) = (name[Prefix.Length..cut], name[(cut + 1)..]);
        return figure.Length > 0;
    }
}
