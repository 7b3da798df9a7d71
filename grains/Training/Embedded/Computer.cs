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

    /// <summary>Some stages of a pipeline on the same device, from the same weights; disposed with this, by the same thread.</summary>
    IStageComputer Stage(StageRange stages);
}

/// <summary>Computes on a device of this process. Several micro-batches run as one batch.</summary>
internal sealed class LocalComputer : IComputer
{
    private readonly ResolvedJob _job;
    private readonly Device _device;
    private readonly IReplica _replica;
    private readonly View _weights;
    private readonly NodeSamples _samples;
    private readonly List<IStageComputer> _stages = [];

    /// <param name="weights">[Layout.Length] on the device; read at every call.</param>
    public LocalComputer(ResolvedJob job, Device device, View weights)
    {
        (_job, _device, _replica, _weights, _samples) = (job, device, job.MakeReplica(device), weights, new NodeSamples(job));
    }

    public void Gradient(long step, TreeNode node, DeviceBuffer gradient)
    {
        _replica.Gradient(_samples.Training(step, node), _weights, gradient.View);
    }

    public EvaluationTotals Evaluate(long version, TreeNode node)
    {
        if (node.Count > 1) return Evaluate(version, node.Left) + Evaluate(version, node.Right);
        var sum = _replica.Evaluate(_job.Data.Test, _samples.Evaluation(node), _weights);
        return new EvaluationTotals(sum.Loss, sum.Correct, sum.Samples, sum.Weight);
    }

    public IStageComputer Stage(StageRange stages)
    {
        var computer = new LocalStageComputer(_job, stages, _device, _weights.Part(stages.Offset, stages.Length));
        _stages.Add(computer);
        return computer;
    }

    public void Dispose()
    {
        foreach (var stage in _stages) stage.Dispose();
        _replica.Dispose();
    }
}

/// <summary>From a tree node to its samples, in the order of the step. Spans are valid until the next call.</summary>
internal sealed class NodeSamples(ResolvedJob job)
{
    private readonly int[] _indexes = new int[Math.Max(job.BatchSize, (job.Data.Test.Count + job.EvaluationMicroBatches - 1) / job.EvaluationMicroBatches)];
    private readonly Dictionary<(int Samples, TreeNode Node), Segments> _segments = [];
    private SampleOrder _order;
    private long _epoch = -1;

    public Pass Training(long step, TreeNode node)
    {
        var samples = job.SamplesOf(step);
        var cut = new MicroBatches(samples, job.MicroBatches);
        var (from, count) = (cut.Start(node.First), cut.SamplesOf(node));
        Expect(step + 1, node);
        if (_epoch != step / job.StepsPerEpoch)
        {
            _epoch = step / job.StepsPerEpoch;
            _order = new SampleOrder(job.Sampling, job.Seed, _epoch, job.Data.Train.Count);
        }
        var first = step % job.StepsPerEpoch * job.BatchSize + from;
        // Lanes go through the text together, each from its own start: the order is the data's.
        if (job.Data.Train.Lanes > 0) for (var i = 0; i < count; i++) _indexes[i] = (int)first + i;
        else for (var i = 0; i < count; i++) _indexes[i] = _order[first + i];
        return new Pass(job.Seed, step, samples, SegmentsOf(cut, node), _indexes.AsSpan(0, count), _epoch);
    }

    // Who computes a node is likely to be given the same one in the next step.
    private void Expect(long step, TreeNode node)
    {
        if (job.Data.Train is not ReadAhead data || step >= job.TotalSteps) return;
        var cut = new MicroBatches(job.SamplesOf(step), job.MicroBatches);
        var (from, count) = (cut.Start(node.First), cut.SamplesOf(node));
        for (var i = 0; i < count; i++) _indexes[i] = job.SampleAt(step, from + i);
        data.Expect(_indexes.AsSpan(0, count), step / job.StepsPerEpoch);
    }

    public ReadOnlySpan<int> Evaluation(TreeNode leaf)
    {
        var cut = new MicroBatches(job.Data.Test.Count, job.EvaluationMicroBatches);
        var (from, count) = (cut.Start(leaf.First), cut.SamplesOf(leaf));
        for (var i = 0; i < count; i++) _indexes[i] = from + i;
        return _indexes.AsSpan(0, count);
    }

    private Segments SegmentsOf(MicroBatches cut, TreeNode node)
    {
        if (_segments.TryGetValue((cut.Samples, node), out var known)) return known;
        var starts = new int[node.Count + 1];
        for (var i = 0; i < starts.Length; i++) starts[i] = cut.Start(node.First + i) - cut.Start(node.First);
        return _segments[(cut.Samples, node)] = new Segments(starts);
    }
}
