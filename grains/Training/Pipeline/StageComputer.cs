using DistTrain.Kernels;
using DistTrain.Learning;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>What runs units of micro-batches through some stages and back: a replica of this process, or a worker process. One thread uses it.</summary>
internal interface IStageComputer : IDisposable
{
    /// <param name="entering">[samples, Entering].</param>
    /// <param name="leaving">[samples, Leaving]; overwritten.</param>
    /// <param name="gradient">[StageRange.Length]; whole once Backward has run.</param>
    void Forward(long step, TreeNode unit, View entering, View leaving, DeviceBuffer gradient);

    /// <param name="leaving">[samples, Leaving]: gradient of the loss by what Forward gave.</param>
    /// <param name="entering">[samples, Entering]: gradient by what came in; overwritten.</param>
    /// <param name="gradient">The one given to Forward; overwritten.</param>
    void Backward(long step, TreeNode unit, View leaving, View entering, DeviceBuffer gradient);

    /// <summary>One evaluation micro-batch; its sums from the last stage.</summary>
    EvaluationTotals Evaluate(long version, TreeNode leaf, View entering, View leaving);

    /// <summary>What went forward and has not come back is not wanted any more.</summary>
    void Forget();
}

/// <summary>Computes on a device whose memory the host can address.</summary>
/// <param name="weights">[StageRange.Length] on the device; read at every call.</param>
internal sealed class LocalStageComputer(ResolvedJob job, StageRange stages, Device device, View weights) : IStageComputer
{
    private readonly StageReplica _replica = stages.MakeReplica(device);
    private readonly NodeSamples _samples = new(job);
    private readonly Dictionary<TreeNode, StageUnit> _units = [];

    public void Forward(long step, TreeNode unit, View entering, View leaving, DeviceBuffer gradient) =>
        _units[unit] = _replica.Forward(_samples.Training(step, unit), weights, gradient.View, entering.AsSpan(), leaving.AsSpan());

    public void Backward(long step, TreeNode unit, View leaving, View entering, DeviceBuffer gradient)
    {
        if (!_units.Remove(unit, out var running)) throw new InvalidOperationException($"micro-batches {unit} of step {step} come back and did not go forward.");
        _replica.Backward(running, leaving.AsSpan(), entering.AsSpan());
    }

    public EvaluationTotals Evaluate(long version, TreeNode leaf, View entering, View leaving)
    {
        var sum = _replica.Evaluate(job.Data.Test, _samples.Evaluation(leaf), weights, entering.AsSpan(), leaving.AsSpan());
        return new EvaluationTotals(sum.Loss, sum.Correct, sum.Samples, sum.Weight);
    }

    public void Forget()
    {
        foreach (var unit in _units.Values) _replica.Drop(unit);
        _units.Clear();
    }

    public void Dispose() => _replica.Dispose();
}
