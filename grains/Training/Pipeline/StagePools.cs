using DistTrain.Kernels;
using DistTrain.Learning;

namespace DistTrain.Training;

/// <summary>Memory that the workers of one process share for what moves through a pipeline: activations, and gradients of stages.</summary>
/// <param name="device">The host's.</param>
internal sealed class StagePools(PipelinePlan plan, ParameterLayout layout, Device device) : IDisposable
{
    private readonly Dictionary<(int First, int Count), GradientPool> _gradients = [];
    private readonly Lock _gate = new();
    private long _units;

    public PipelinePlan Plan => plan;

    /// <summary>Activations and their gradients.</summary>
    public VectorPool Activations { get; } = new(device);

    /// <summary>Units that workers of this process have run, forward and back.</summary>
    public long Units => Interlocked.Read(ref _units);

    public void CountUnit() => Interlocked.Increment(ref _units);

    public NodeGradient Rent(StageRange stages)
    {
        GradientPool? pool;
        lock (_gate)
        {
            if (!_gradients.TryGetValue((stages.First, stages.Count), out pool))
                _gradients[(stages.First, stages.Count)] = pool = new GradientPool(device, stages.Length, plan.Shards, stages.Offset);
        }
        return pool.Rent();
    }

    /// <summary>left = left + right, slice by slice as its kind says: the same stages' gradients of two sibling nodes.</summary>
    /// <param name="on">The device of the thread that is at it.</param>
    public void Fold(Device on, NodeGradient left, NodeGradient right)
    {
        var fold = on.Op<ITreeFold>();
        foreach (var slice in layout.Slices)
        {
            var at = slice.Offset - left.Offset;
            if (at < 0 || at >= left.Buffer.Length) continue;
            var (into, from) = (left.Buffer.View.Part(at, slice.Length), right.Buffer.View.Part(at, slice.Length));
            if (slice.Kind == SliceKind.Moments) fold.Moments(into, from);
            else fold.Sum(into, from);
        }
    }

    public void Dispose()
    {
        foreach (var pool in _gradients.Values) pool.Dispose();
        Activations.Dispose();
    }
}
