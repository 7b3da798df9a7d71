using DistTrain.Kernels;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>Computes on a device whose memory the host cannot address: the job's weights go there before each call, the gradient comes back after it.</summary>
internal sealed class AcceleratorComputer : IComputer
{
    private readonly Device _device;
    private readonly View _hostWeights;
    private readonly DeviceBuffer _weights;
    private readonly DeviceBuffer _gradient;
    private readonly LocalComputer _computer;
    private readonly ResolvedJob _job;
    private readonly List<IStageComputer> _stages = [];

    /// <param name="device">Opened by the thread that computes; disposed with this.</param>
    /// <param name="hostWeights">[Layout.Length] on the CPU; read at every call.</param>
    public AcceleratorComputer(ResolvedJob job, Device device, View hostWeights)
    {
        (_job, _device, _hostWeights) = (job, device, hostWeights);
        _weights = device.Allocate(job.Layout.Length);
        _gradient = device.Allocate(job.Layout.Length);
        _computer = new LocalComputer(job, device, _weights.View);
    }

    public void Gradient(long step, TreeNode node, DeviceBuffer gradient)
    {
        _weights.Write(0, _hostWeights.AsSpan());
        _computer.Gradient(step, node, _gradient);
        _gradient.Read(0, gradient.View.AsSpan());
    }

    public EvaluationTotals Evaluate(long version, TreeNode node)
    {
        _weights.Write(0, _hostWeights.AsSpan());
        return _computer.Evaluate(version, node);
    }

    public IStageComputer Stage(StageRange stages)
    {
        var stage = new AcceleratorStageComputer(_job, stages, _device, _hostWeights.Part(stages.Offset, stages.Length));
        _stages.Add(stage);
        return stage;
    }

    public void Dispose()
    {
        foreach (var stage in _stages) stage.Dispose();
        _computer.Dispose();
        _gradient.Dispose();
        _weights.Dispose();
        _device.Dispose();
    }
}
