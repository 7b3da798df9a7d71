using System.Collections.Immutable;

namespace DistTrain.Protocol;

/// <summary>What to do with a step whose gradient has NaN or Inf.</summary>
public enum NonFinitePolicy : byte
{
    /// <summary>Commit the step without an update.</summary>
    Skip,

    /// <summary>Fail the job.</summary>
    Halt,

    /// <summary>Restore the newest checkpoint, halve the learning rate from there on (a recorded change), recompute; the fourth time, fail the job.</summary>
    Rollback,
}

/// <summary>One parameter shard: consecutive blocks of the flat vector.</summary>
public readonly record struct ShardPlan(int FirstBlock, int BlockCount);

/// <summary>One stage of a pipeline: consecutive layers, whose parameters are these shards'.</summary>
public readonly record struct StagePlan(int FirstShard, int ShardCount)
{
    public int EndShard => FirstShard + ShardCount;
}

/// <summary>What the data, the model and the spec are, so that a worker which differs is refused by name. Lower-case hex SHA-256 each.</summary>
public sealed record PlanIdentity(string Spec, string Model, string Data);

/// <summary>A job as the machines see it: everything resolved, nothing about tensors but how many blocks each shard owns.</summary>
public sealed record JobPlan
{
    public required string Name { get; init; }

    /// <summary>Keys every message of the job; a message with another key is not this job's.</summary>
    public required ulong Key { get; init; }

    public required ulong Seed { get; init; }

    /// <summary>Training samples of an epoch.</summary>
    public required int Samples { get; init; }

    /// <summary>Samples of a step; the last step of an epoch has the rest.</summary>
    public required int BatchSize { get; init; }

    /// <summary>M of a training step.</summary>
    public required int MicroBatches { get; init; }

    public required int Epochs { get; init; }

    /// <summary>Samples of an evaluation; 0 = no evaluations.</summary>
    public int EvaluationSamples { get; init; }

    /// <summary>M of an evaluation step.</summary>
    public int EvaluationMicroBatches { get; init; } = 1;

    /// <summary>Steps between evaluations; 0 = after every epoch. The last step is always evaluated.</summary>
    public int EvaluateEvery { get; init; }

    /// <summary>In block order; together all blocks.</summary>
    public required ImmutableArray<ShardPlan> Shards { get; init; }

    /// <summary>Stages of the pipeline in order, together all shards; fewer than two: no pipeline, every worker runs the whole model.</summary>
    public ImmutableArray<StagePlan> Stages { get; init; } = [];

    /// <summary>Workers lease as crews, a worker for each stage where there are enough.</summary>
    public bool IsPiped => Stages.Length > 1;

    /// <summary>Each shard has a second copy that takes over when the first is lost.</summary>
    public bool Replicated { get; init; }

    /// <summary>Clip by global norm; 0 = off.</summary>
    public double ClipNorm { get; init; }

    public NonFinitePolicy OnNonFinite { get; init; }

    /// <summary>Steps between checkpoints; 0 = only the last.</summary>
    public long CheckpointEvery { get; init; }

    /// <summary>A worker fewer than this, and no step is opened.</summary>
    public int MinimumWorkers { get; init; } = 1;

    /// <summary>Calls of user code that fail alike before the job fails.</summary>
    public int FailuresBeforeHalt { get; init; } = 3;

    public TimeLimits Limits { get; init; } = new();

    public PlanIdentity Identity { get; init; } = new("", "", "");

    public int Blocks => Shards[^1].FirstBlock + Shards[^1].BlockCount;

    public long StepsPerEpoch => (Samples + (long)BatchSize - 1) / BatchSize;

    public long TotalSteps => StepsPerEpoch * Epochs;

    public int EpochOf(long step) => (int)(step / StepsPerEpoch);

    /// <summary>First sample of the step within its epoch's order.</summary>
    public int FirstSample(long step) => (int)(step % StepsPerEpoch * BatchSize);

    /// <summary>n of a training step.</summary>
    public int StepSamples(long step) => Math.Min(BatchSize, Samples - FirstSample(step));

    /// <summary>How a training step is cut.</summary>
    public MicroBatches Cut(long step) => new(StepSamples(step), MicroBatches);

    /// <summary>How an evaluation is cut.</summary>
    public MicroBatches EvaluationCut => new(EvaluationSamples, EvaluationMicroBatches);

    /// <summary>Whether the weights after <paramref name="committed"/> steps are evaluated.</summary>
    public bool EvaluatesAt(long committed) =>
        EvaluationSamples > 0 && committed > 0 && (committed == TotalSteps || committed % (EvaluateEvery > 0 ? EvaluateEvery : StepsPerEpoch) == 0);

    /// <summary>Whether the state after <paramref name="committed"/> steps is saved while training goes on; the last state is always saved.</summary>
    public bool SavesAt(long committed) => CheckpointEvery > 0 && committed > 0 && committed < TotalSteps && committed % CheckpointEvery == 0;
}

/// <summary>The pure functions that turn (step, update) into numbers, supplied by the host: the schedule and the optimizer's scalars.</summary>
public interface IStepRule
{
    /// <summary>The schedule's rate, in double; step 0 is the first.</summary>
    double LearningRate(long step);

    /// <summary>The optimizer's scalars, up to <see cref="StepScalars.Capacity"/>.</summary>
    /// <param name="update">1 for the first applied update; skipped steps do not count.</param>
    /// <param name="learningRate">Of this step, after recorded changes.</param>
    /// <param name="scalars">Written from the front.</param>
    /// <returns>Scalars written.</returns>
    int Scalars(long update, double learningRate, Span<float> scalars);

    /// <summary>The rate with regard to the evaluations committed before the step.</summary>
    double LearningRate(long step, in EvaluationTrend trend) => LearningRate(step);

    /// <summary>The trend after one more committed evaluation; its totals are finished.</summary>
    EvaluationTrend Follow(in EvaluationTrend trend, in EvaluationRecord evaluation) => trend;

    /// <summary>null, or why training ends before its last step.</summary>
    string? Stops(in EvaluationTrend trend) => null;

    /// <summary>From what the tree summed to the loss, and the factor that every gradient element still takes.</summary>
    /// <param name="loss">The step's figure; in an evaluation, per sample, or the whole sum where there is a weight.</param>
    /// <param name="weight">Sum of the weights where the loss has weights of its own, else 0.</param>
    (double Loss, double Factor) Finish(double loss, double weight) => (loss, 1.0);

    /// <summary>What the main gradient is multiplied by: the factor, and less of it where the norm passes the clip; a clip of 0 is off.</summary>
    float Coefficient(double norm, double clip, double factor);

    /// <summary>Of factor·main + sides, from a block's sums of squares and of products.</summary>
    double SumOfSquares(double main, double cross, double sides, double factor) => factor * factor * main;

    /// <summary>Labels of one sample (positions of a text, pixels): correct predictions are committed in samples.</summary>
    int LabelsPerSample => 1;
}
