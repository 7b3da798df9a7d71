using System.Collections.Immutable;

namespace DistTrain.Protocol;

/// <summary>One worker's place in a crew: consecutive stages of the pipeline, which it runs as one.</summary>
/// <param name="Host">Where it is, for hosts that must reach it, written by the job's host; the machines never read it. Empty in one process.</param>
public readonly record struct CrewMember(int Worker, int FirstStage, int StageCount, string Host = "");

/// <summary>The workers that run one lease of a piped job together. Immutable.</summary>
/// <param name="members">In stage order; together all stages. One alone runs the whole model, as without a pipeline.</param>
public sealed class Crew(ImmutableArray<CrewMember> members)
{
    public ImmutableArray<CrewMember> Members { get; } = members;

    /// <summary>The worker's place; -1: not of this crew.</summary>
    public int PlaceOf(int worker)
    {
        for (var i = 0; i < Members.Length; i++)
            if (Members[i].Worker == worker) return i;
        return -1;
    }

    /// <summary>How many micro-batches go through the pipeline at once, at most: an eighth of what keeps every member busy all the time, so that filling and draining cost little and batches stay large.</summary>
    /// <param name="leased">Micro-batches of the lease.</param>
    public int UnitOf(int leased)
    {
        var most = leased / (UnitsPerMember * Members.Length);
        return most < 2 ? 1 : 1 << System.Numerics.BitOperations.Log2((uint)most);
    }

    /// <summary>Units of a lease for each member, where there are enough micro-batches: (P - 1) / (8·P + P - 1) of the time is then filling and draining, a ninth at most.</summary>
    public const int UnitsPerMember = 8;

    public override string ToString() => string.Join(" -> ", Members.Select(static m => m.StageCount == 1 ? $"worker {m.Worker}: stage {m.FirstStage}" : $"worker {m.Worker}: stages {m.FirstStage}-{m.FirstStage + m.StageCount - 1}"));
}
