using System.Runtime.CompilerServices;

namespace DistTrain.Protocol;

/// <summary>What is done between two versions of the weights; in this order at one version, so a late message never undoes a later opening.</summary>
public enum StepKind : byte
{
    None,

    /// <summary>Samples are leased and their sums come back to the job: a record is committed, the version stays.</summary>
    Evaluate,

    /// <summary>Gradients are leased, pushed to the shards, reduced and decided: the version goes up by one.</summary>
    Train,

    /// <summary>Nothing is leased: the last decision is applied and the state saved.</summary>
    Hold,
}

/// <summary>The optimizer's scalars of one step, bit for bit the same on every shard.</summary>
[InlineArray(Capacity)]
public struct ScalarBuffer
{
    private float _first;

    public const int Capacity = 8;
}

/// <summary>Up to eight scalars of one step.</summary>
public readonly struct StepScalars(ReadOnlySpan<float> values)
{
    public const int Capacity = ScalarBuffer.Capacity;

    private readonly ScalarBuffer _values = Fill(values);

    public int Count { get; } = values.Length;

    public float this[int index] => _values[index];

    public void CopyTo(Span<float> destination) => ((ReadOnlySpan<float>)_values)[..Count].CopyTo(destination);

    private static ScalarBuffer Fill(ReadOnlySpan<float> values)
    {
        var buffer = default(ScalarBuffer);
        values.CopyTo(buffer);
        return buffer;
    }
}

/// <summary>The commit of a training step: a pure function of its OpenStep and the block norms. Applying it cannot fail.</summary>
/// <param name="Record">What the step's committed record says: step, loss, norm, clip coefficient, skipped.</param>
public readonly record struct Decision(StepRecord Record)
{
    /// <summary>No step has been decided: the version is 0 or comes from a checkpoint.</summary>
    public static readonly Decision None = new(new StepRecord { Step = -1 });

    public long Step => Record.Step;
    public bool Skip => Record.Skipped;
    public float Coefficient => Record.Coefficient;
}

/// <summary>What is fixed on every shard before the step's first lease. It carries the decision of the step before, so that opening a step and committing the last one is one message.</summary>
public readonly struct OpenStep
{
    public StepKind Kind { get; init; }

    /// <summary>Steps committed when this step is open: the version that workers pull, and the number of the training step.</summary>
    public long Step { get; init; }

    /// <summary>Updates applied when this one is (skipped steps do not count): the optimizer's t.</summary>
    public long Update { get; init; }

    public double LearningRate { get; init; }
    public double ClipNorm { get; init; }
    public NonFinitePolicy Policy { get; init; }
    public StepScalars Scalars { get; init; }

    /// <summary>Commit of step <see cref="Step"/> - 1; its step is -1 where there is none.</summary>
    public Decision Last { get; init; }

    /// <summary>The evaluation of this version, if it has been committed: kept by the shards like every record. Its step is -1 where there is none.</summary>
    public EvaluationRecord LastEvaluation { get; init; }

    /// <summary>The state at this version is saved: the shards snapshot before anything else.</summary>
    public bool Save { get; init; }
}
