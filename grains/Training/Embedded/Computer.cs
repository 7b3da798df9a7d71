using DistTrain.Kernels;
using DistTrain.Learning;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>What turns a tree node into its gradient: a replica of this process, or a worker process at the other end of a lane. One thread uses it.</summary>
internal interface IComputer : IDisposable
{
    /// <summary>Computes on the CPU device given, or on the accelerator of that name, which the calling thread opens and drives.</summary>
    static IComputer Make(ResolvedJob job, string device, Device cpu, View weights) =>
        Devices.IsAccelerator(device) ? new AcceleratorComputer(job, Devices.Open(device), weights) : new LocalComputer(job, cpu, weights);

    /// <summary>The gradient of micro-batches <paramref name="node"/> of a step, from the job's weights as they are.</summary>
    /// <param name="gradient">[Layout.Length]; overwritten.</param>
    void Gradient(long step, TreeNode node, DeviceBuffer gradient);

    /// <summary>The folded sums of evaluation micro-batches <paramref name="node"/>.</summary>
    /// <param name="version">Steps committed.</param>
    EvaluationTotals Evaluate(long version, TreeNode node);
}

/// <summary>Computes on a device of this process. Several micro-batches run as one batch.</summary>
internal sealed class LocalComputer : IComputer
{
    private readonly ResolvedJob _job;
    private readonly IReplica _replica;
    private readonly View _weights;
    private readonly int[] _indexes;
    private readonly Dictionary<(int Samples, TreeNode Node), Segments> _segments = [];
    private KeyedPermutation _order;
    private long _epoch = -1;

    /// <param name="weights">[Layout.Length] on the device; read at every call.</param>
    public LocalComputer(ResolvedJob job, Device device, View weights)
    {
        (_job, _replica, _weights) = (job, job.MakeReplica(device), weights);
        _indexes = new int[Math.Max(job.BatchSize, (job.Data.Test.Count + job.EvaluationMicroBatches - 1) / job.EvaluationMicroBatches)];
    }

    public void Gradient(long step, TreeNode node, DeviceBuffer gradient)
    {
        var samples = _job.SamplesOf(step);
        var cut = new MicroBatches(samples, _job.MicroBatches);
        var (from, count) = (cut.Start(node.First), cut.SamplesOf(node));
        if (_epoch != step / _job.StepsPerEpoch)
        {
            _epoch = step / _job.StepsPerEpoch;
            _order = new KeyedPermutation(_job.Seed, (ulong)_epoch, _job.Data.Train.Count);
        }
        var first = step % _job.StepsPerEpoch * _job.BatchSize + from;
        for (var i = 0; i < count; i++) _indexes[i] = (int)_order[first + i];
        _replica.Gradient(new Pass(_job.Seed, step, samples, SegmentsOf(cut, node), _indexes.AsSpan(0, count)), _weights, gradient.View);
    }

    public EvaluationTotals Evaluate(long version, TreeNode node)
    {
        if (node.Count > 1) return Evaluate(version, node.Left) + Evaluate(version, node.Right);
        var cut = new MicroBatches(_job.Data.Test.Count, _job.EvaluationMicroBatches);
        var (from, count) = (cut.Start(node.First), cut.SamplesOf(node));
        for (var i = 0; i < count; i++) _indexes[i] = from + i;
        var sum = _replica.Evaluate(_job.Data.Test, _indexes.AsSpan(0, count), _weights);
        return new EvaluationTotals(sum.Loss, sum.Correct, sum.Samples, sum.Weight);
    }

    public void Dispose() => _replica.Dispose();

    private Segments SegmentsOf(MicroBatches cut, TreeNode node)
    {
        if (_segments.TryGetValue((cut.Samples, node), out var known)) return known;
        var starts = new int[node.Count + 1];
        for (var i = 0; i < starts.Length; i++) starts[i] = cut.Start(node.First + i) - cut.Start(node.First);
        return _segments[(cut.Samples, node)] = new Segments(starts);
    }
}
