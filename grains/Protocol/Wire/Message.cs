namespace DistTrain.Protocol;

/// <summary>One message of any kind; <see cref="MessageKind"/> says which fields count. A value: machines keep what they need of it, never a reference to it.</summary>
/// <remarks>A payload is an object of the host's. It belongs to whom the message is delivered to, who ends it with one Release, Fold or Apply effect.</remarks>
public readonly struct Message
{
    public MessageKind Kind { get; init; }
    public Address From { get; init; }
    public Address To { get; init; }

    /// <summary><see cref="JobPlan.Key"/>.</summary>
    public ulong Job { get; init; }
    public long Incarnation { get; init; }
    public long Step { get; init; }
    public TreeNode Node { get; init; }
    public long Lease { get; init; }
    public ulong Digest { get; init; }
    public Verdict Verdict { get; init; }
    public bool Flag { get; init; }
    public EvaluationTotals Totals { get; init; }
    public OpenStep Open { get; init; }
    public Placement? Placement { get; init; }
    public object? Payload { get; init; }
    public string? Text { get; init; }

    public override string ToString() => $"{Kind} {From} -> {To} [incarnation {Incarnation}, step {Step}, node {Node}, lease {Lease}{(Verdict == Verdict.None ? "" : $", {Verdict}")}{(Text is null ? "" : $", {Text}")}]";
}

/// <summary>What a worker says when it joins.</summary>
/// <param name="Name">For people: host name, process, thread.</param>
/// <param name="Identity">Of the spec, model and data as the worker has them.</param>
public sealed record WorkerHello(string Name, PlanIdentity Identity);

/// <summary>How a job begins.</summary>
/// <param name="Instance">Drawn at random by the host; names this scheduler in the register and is never used again.</param>
/// <param name="Resume">Continue from the register and the checkpoints. Otherwise there must be none, or the job must have ended.</param>
public sealed record JobStart(ulong Instance, bool Resume)
{
    /// <summary>Seats that the host knows to be gone: their replicas are promoted at once, without waiting for their silence.</summary>
    public IReadOnlyCollection<int> Lost { get; init; } = [];
}

/// <summary>The records of a job that has been taken up or taken back.</summary>
/// <param name="Base">The checkpoint verified last, whose records come first; the initial state: none do.</param>
/// <param name="Since">Records after it, found on the shards.</param>
public sealed record RecalledLog(CheckpointName Base, IReadOnlyList<LogEntry> Since);

/// <summary>Which state a shard loads; null Manifest: the initial state, made from the seed.</summary>
public sealed record RestoreFrom(CheckpointName Name, CheckpointManifest? Manifest);

/// <summary>All that a replica needs to be its primary's equal at a version.</summary>
/// <param name="Log">Committed records since the last published checkpoint.</param>
public sealed record ShardState(IReadOnlyList<LogEntry> Log)
{
    /// <summary>Weights and optimizer state; the primary's host attaches a copy.</summary>
    public object? Memory { get; set; }
}

/// <summary>What a shard knows of its root gradient. Owned by the shard's host, unchanged until the step is applied.</summary>
public sealed class ReducedFigures
{
    /// <summary>Sum of squares by block of this shard, in double; 0 for blocks that clipping does not count.</summary>
    public double[] Squares { get; set; } = [];

    /// <summary>Where side losses have gradients of their own: sums of squares of those by block of the parameter, and of their products with the main ones. Empty: there are none.</summary>
    public double[] Sides { get; set; } = [];

    public double[] Cross { get; set; } = [];

    /// <summary>This shard owns the step's own figures: loss and correct are valid.</summary>
    public bool HasLoss { get; set; }
    public double Loss { get; set; }
    public double Correct { get; set; }

    /// <summary>Of the update that made the weights of this step, where it was measured: sums of squares by block of what it changed, and of the weights before it. Empty: it was not.</summary>
    public double[] Updates { get; set; } = [];

    public double[] Weights { get; set; } = [];

    /// <summary>Sum of the weights of a loss that has weights of its own, else 0: the gradient and the loss are still to be divided by it.</summary>
    public double Weight { get; set; }

    /// <summary>What the wire may read later, while the shard's host goes on to write in these.</summary>
    public ReducedFigures Copy() => new()
    {
        Squares = [.. Squares], Sides = [.. Sides], Cross = [.. Cross], HasLoss = HasLoss, Loss = Loss, Correct = Correct, Weight = Weight, Updates = [.. Updates], Weights = [.. Weights],
    };
}
