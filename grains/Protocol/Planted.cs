namespace DistTrain.Protocol;

/// <summary>Rules that a test can switch off, to prove that the simulator notices. Nothing outside the tests can make one.</summary>
internal sealed record Planted
{
    internal static readonly Planted Nothing = new();

    /// <summary>A repeated push is added again.</summary>
    internal bool DedupeOff { get; init; }

    /// <summary>Old incarnations are answered like the current one.</summary>
    internal bool FenceOff { get; init; }

    /// <summary>A node is added although an ancestor is there, or to descendants that are there.</summary>
    internal bool AncestorCheckOff { get; init; }

    /// <summary>Nodes are folded in the order in which they came.</summary>
    internal bool TreeOrderOff { get; init; }

    /// <summary>A primary says Reduced without its replica.</summary>
    internal bool ReplicaRuleOff { get; init; }

    /// <summary>A crew's member takes activations of an earlier attempt for its own.</summary>
    internal bool AttemptCheckOff { get; init; }
}
