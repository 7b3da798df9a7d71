using System.Reflection;

namespace DistTrain.Learning;

/// <summary>What training lowers besides the main loss: terms of layers' own (sparsity), and heads that the main loss is taken of too.</summary>
public sealed class SideLosses
{
    /// <summary>Layers with a term of their own, as messages name them.</summary>
    internal List<string> Penalties { get; } = [];

    /// <summary>Layers with a head, and what the head gives for each sample.</summary>
    internal List<(string Layer, Shape Output)> Heads { get; } = [];

    /// <summary>Whether a layer has a term that does not take the main loss's factor.</summary>
    public bool HasPenalties => Penalties.Count > 0;

    /// <summary>The first such layer, as messages name it.</summary>
    public string First => Penalties.Count > 0 ? Penalties[0] : "";

    internal string? Misfit(Loss loss, Shape input, Shape target, TargetKind kind, int classes)
    {
        foreach (var (layer, output) in Heads)
        {
            if (loss.Factor == LossFactor.OfOutputs) return $"the loss is {Name(loss)} and {layer} has a head. The factor of {Name(loss)} is the main output's and cannot be a head's. Use mse, or leave the head out.";
            if (loss.Misfit(input, output, target, kind, classes) is { } misfit) return $"{layer} has a head whose outputs go to the loss {Name(loss)} too: {misfit.Replace("he model", "he head", StringComparison.Ordinal)}";
        }
        return null;
    }

    private static string Name(Loss loss) => loss.GetType().GetCustomAttribute<NamedAttribute>()?.Name ?? loss.GetType().Name;
}
