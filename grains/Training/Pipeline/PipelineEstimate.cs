using DistTrain.Learning;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>What a pipeline is expected to cost, from multiply-adds alone.</summary>
/// <param name="Stages">In order.</param>
/// <param name="Crews">That work at once with the workers at the start.</param>
/// <param name="Units">Of one crew's share of a step.</param>
/// <param name="UnitMicroBatches">In a unit.</param>
/// <param name="BubbleShare">(P - 1) / (units + P - 1): the part of a lease in which the pipeline fills and drains.</param>
/// <param name="ImbalanceShare">1 - mean / costliest stage: the part of the rest in which the others wait for it.</param>
public sealed record PipelineEstimate(IReadOnlyList<ModelStage> Stages, int Crews, int Units, int UnitMicroBatches, double BubbleShare, double ImbalanceShare)
{
    /// <param name="workers">A crew has one for each stage; with fewer, some run several.</param>
    public static PipelineEstimate Of(ModelStages model, int microBatches, int workers)
    {
        var stages = model.Stages;
        var members = Math.Clamp(workers, 1, stages.Count);
        var crews = Math.Min(microBatches, Math.Max(1, workers / stages.Count));
        var leased = (microBatches + crews - 1) / crews;
        var unit = new Crew([.. Enumerable.Range(0, members).Select(i => new CrewMember(i, i, 1))]).UnitOf(leased);
        var units = (leased + unit - 1) / unit;
        double[] costs = [.. Enumerable.Range(0, members).Select(m => (double)stages.Skip(m * stages.Count / members).Take((m + 1) * stages.Count / members - m * stages.Count / members).Sum(s => s.MultiplyAdds))];
        return new PipelineEstimate(stages, crews, units, unit, (members - 1.0) / (units + members - 1), costs.Max() > 0 ? 1 - costs.Average() / costs.Max() : 0);
    }
}
