namespace DistTrain.Protocol;

/// <summary>What is waited for.</summary>
public enum WaitKind : byte
{
    None,

    // Job.
    Register, Seats, Adoption, Checkpoints, Restore, Opening, Workers, Leases, Reduction, SavedFiles, Manifest,

    // Shard.
    Replica, Norms, Apply, Version, Gradients,

    // Worker.
    Welcome, Work, Weights, Computation, Answers, Activation, ActivationGradient,
}

/// <summary>One wait: who waits, for what, from whom, since when, until when.</summary>
/// <param name="Who">The machine that waits.</param>
/// <param name="Kind">For what.</param>
/// <param name="From">Who must act.</param>
/// <param name="Step">Step or version it is about.</param>
/// <param name="Node">Micro-batches it is about, where it is about some.</param>
/// <param name="Since">On this host's clock.</param>
/// <param name="Deadline">When it ends in a named error or a change of plan.</param>
public readonly record struct Wait(Address Who, WaitKind Kind, Address From, long Step, TreeNode Node, TimeSpan Since, TimeSpan Deadline);
