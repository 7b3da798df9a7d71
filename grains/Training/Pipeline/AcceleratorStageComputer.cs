using DistTrain.Kernels;
using DistTrain.Learning;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>Computes stages on a device whose memory the host cannot address: their weights go there before each call, their gradient comes back after Backward.</summary>
/// <param name="hostWeights">[StageRange.Length] on the CPU; read at every call.</param>
internal sealed class AcceleratorStageComputer(ResolvedJob job, StageRange stages, Device device, View hostWeights) : IStageComputer
{
    private readonly StageReplica _replica = stages.MakeReplica(device);
    private readonly NodeSamples _samples = new(job);
    private readonly DeviceBuffer _weights = device.Allocate(stages.Length);
    private readonly Stack<DeviceBuffer> _free = new();
    private readonly List<DeviceBuffer> _all = [];
    private readonly Dictionary<TreeNode, (StageUnit Unit, DeviceBuffer Gradient)> _units = [];

    public void Forward(long step, TreeNode unit, View entering, View leaving, DeviceBuffer gradient)
    {
        if (!_free.TryPop(out var own)) _all.Add(own = device.Allocate(stages.Length));
        _weights.Write(0, hostWeights.AsSpan());
        _units[unit] = (_replica.Forward(_samples.Training(step, unit), _weights.View, own.View, entering.AsSpan(), leaving.AsSpan()), own);
    }

    public void Backward(long step, TreeNode unit, View leaving, View entering, DeviceBuffer gradient)
    {
        if (!_units.Remove(unit, out var running)) throw new InvalidOperationException($"micro-batches {unit} of step {step} come back and did not go forward.");
        _replica.Backward(running.Unit, leaving.AsSpan(), entering.AsSpan());
        running.Gradient.Read(0, gradient.View.AsSpan());
        _free.Push(running.Gradient);
    }

    public EvaluationTotals Evaluate(long version, TreeNode leaf, View entering, View leaving)
    {
        _weights.Write(0, hostWeights.AsSpan());
        var sum = _replica.Evaluate(job.Data.Test, _samples.Evaluation(leaf), _weights.View, entering.AsSpan(), leaving.AsSpan());
        return new EvaluationTotals(sum.Loss, sum.Correct, sum.Samples, sum.Weight);
    }

    public void Forget()
    {
        foreach (var (unit, gradient) in _units.Values)
        {
            _replica.Drop(unit);
            _free.Push(gradient);
        }
        _units.Clear();
    }

    public void Dispose()
    {
        _replica.Dispose();
        foreach (var gradient in _all) gradient.Dispose();
        _weights.Dispose();
    }
}
