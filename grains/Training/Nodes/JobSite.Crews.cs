using DistTrain.Protocol;

namespace DistTrain.Training;

// Crews of a pipeline: their members find each other by what the scheduler's node knows, and send each other activations.
internal sealed partial class JobSite
{
    /// <summary>Units of a pipeline that workers of this node have run.</summary>
    public long StageUnits => _stages?.Units ?? 0;

    private Crew WithHosts(Crew crew) => new([.. crew.Members.Select(m => m with { Host = HostOf(Address.Worker(m.Worker)) })]);

    private string HostOf(Address worker)
    {
        if (_places.TryGetValue(worker, out var node)) return node.ToText();
        return Machines.Workers.Any(w => w.Machine.Address == worker) ? _node.Address.ToText() : "";
    }

    private void LearnCrew(Crew crew)
    {
        foreach (var member in crew.Members)
            if (NodeAddress.Parse(member.Host) is { } node && node.Name != _node.Address.Name) Learn(Address.Worker(member.Worker), node);
    }

    private long LongestActivation(PipelinePlan pipeline)
    {
        var samples = Math.Max(Plan.BatchSize, (Plan.EvaluationSamples + Plan.EvaluationMicroBatches - 1) / Plan.EvaluationMicroBatches);
        return pipeline.Model!.Stages.Max(s => (long)Math.Max(s.Activations, s.EvaluationActivations)) * samples * sizeof(float);
    }

    private bool IsActivation(in TensorHead head, long elements)
    {
        if (_stages is null || head.Step < 0 || head.Step > Plan.TotalSteps) return false;
        var training = head.Step < Plan.TotalSteps && head.Node.IsIn(Plan.MicroBatches) ? Plan.Cut(head.Step).SamplesOf(head.Node) : 0;
        var evaluation = Plan.EvaluationSamples > 0 && head.Node.IsIn(Plan.EvaluationMicroBatches) ? Plan.EvaluationCut.SamplesOf(head.Node) : 0;
        foreach (var stage in _stages.Plan.Model!.Stages)
            if (elements > 0 && (elements == (long)training * stage.Activations || elements == (long)evaluation * stage.EvaluationActivations)) return true;
        return false;
    }
}
