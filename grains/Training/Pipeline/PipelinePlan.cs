using System.Collections.Immutable;
using DistTrain.Learning;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>How the shards of a run lie over its stages. A run without a pipeline has no stages.</summary>
internal sealed class PipelinePlan
{
    private PipelinePlan(IReadOnlyList<ShardRange> shards, ImmutableArray<StagePlan> stages, ModelStages? model) => (Shards, Stages, Model) = (shards, stages, model);

    public IReadOnlyList<ShardRange> Shards { get; }

    /// <summary>Empty without a pipeline.</summary>
    public ImmutableArray<StagePlan> Stages { get; }

    public ModelStages? Model { get; }

    /// <param name="shards">Raised to one for each stage.</param>
    /// <exception cref="ArgumentException">The model cannot be cut like this.</exception>
    public static PipelinePlan Of(ResolvedJob job, int shards, int stages)
    {
        if (stages <= 1) return new PipelinePlan(job.Layout.Split(shards), [], null);
        if (job.CutStages is not { } cut) throw new ArgumentException($"pipeline is {stages}. It must be 1: this job's model cannot be cut into stages.", nameof(stages));
        var model = cut(stages);
        var ranges = job.Layout.Split(Math.Max(shards, stages), [.. model.Stages.Select(s => s.Offset)], out var counts);
        var plans = ImmutableArray.CreateBuilder<StagePlan>(stages);
        foreach (var count in counts) plans.Add(new StagePlan(plans.Count > 0 ? plans[^1].EndShard : 0, count));
        return new PipelinePlan(ranges, plans.MoveToImmutable(), model);
    }

    /// <summary>What one member of a crew runs.</summary>
    public StageRange Of(CrewMember member) => new(this, member.FirstStage, member.StageCount);
}

/// <summary>Stages [First, First + Count) of a run, which one worker runs as one.</summary>
internal readonly record struct StageRange(PipelinePlan Plan, int First, int Count)
{
    private ModelStage FirstStage => Plan.Model!.Stages[First];

    private ModelStage LastStage => Plan.Model!.Stages[First + Count - 1];

    public int FirstShard => Plan.Stages[First].FirstShard;

    public int EndShard => Plan.Stages[First + Count - 1].EndShard;

    /// <summary>Elements of the flat vector.</summary>
    public int Offset => FirstStage.Offset;

    public int Length => LastStage.Offset + LastStage.Length - Offset;

    /// <summary>Elements of one sample that come in; 0: samples.</summary>
    public int Entering(bool evaluation) => First == 0 ? 0 : evaluation ? Plan.Model!.Stages[First - 1].EvaluationActivations : Plan.Model!.Stages[First - 1].Activations;

    /// <summary>Elements of one sample that go out; 0: the loss.</summary>
    public int Leaving(bool evaluation) => evaluation ? LastStage.EvaluationActivations : LastStage.Activations;

    public StageReplica MakeReplica(Kernels.Device device) => Plan.Model!.MakeReplica(device, First, Count);
}
