using System.Diagnostics;
using DistTrain.Kernels;
using DistTrain.Learning;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>
/// The one-process oracle: what a job's result is, in plain loops. Every micro-batch runs alone, gradients are folded by
/// recursion, then clip, optimizer, moving averages, evaluation. It shares no scheduling with the cluster, so equal bits mean something.
/// </summary>
public sealed class LocalTrainer
{
    private readonly ResolvedJob _job;
    private readonly Device _device;
    private readonly Stack<DeviceBuffer> _free = new();
    private long _step;
    private long _updates;
    private readonly StepRule _rule;
    private readonly ParameterStep _parameters;
    private LossRecord _lastEvaluation;
    private EvaluationTrend _trend = EvaluationTrend.None;

    /// <param name="device">null = one thread of the CPU.</param>
    public LocalTrainer(ResolvedJob job, Device? device = null)
    {
        (_job, _device) = (job, device ?? new CpuDevice(1));
        (_rule, _parameters) = (new StepRule(job), new ParameterStep(job.Optimizer));
        Weights = _device.Allocate(job.Layout.Length);
        States = _device.Allocate(Math.Max(1, job.Optimizer.StateCount * job.Layout.Length));
        var initial = new float[job.Layout.Length];
        job.Initialize(initial);
        Weights.Write(0, initial);
    }

    /// <summary>[Layout.Length].</summary>
    public DeviceBuffer Weights { get; }

    /// <summary>[StateCount, Layout.Length].</summary>
    public DeviceBuffer States { get; }

    /// <summary>Committed records.</summary>
    public LossLog Log { get; } = new();

    /// <summary>Goes on from a checkpoint of this job instead of the first weights.</summary>
    public void Restore(RestoredCheckpoint checkpoint)
    {
        Weights.Write(0, checkpoint.Vectors.AsSpan(0, _job.Layout.Length));
        if (_job.Optimizer.StateCount > 0) States.Write(0, checkpoint.Vectors.AsSpan(_job.Layout.Length));
        Log.Load(checkpoint.LossLog);
        (_step, _updates) = (checkpoint.Manifest.Step, checkpoint.Manifest.Updates);
        for (var i = 0; i < Log.Count; i++)
            if (Log[i].Kind == LossRecordKind.Evaluation) Follow(Log[i]);
    }

    /// <param name="untilStep">Stops once this many steps are committed; the next call goes on.</param>
    public TrainingResult Run(RunFeed? feed = null, CancellationToken cancellation = default, long untilStep = long.MaxValue)
    {
        var clock = Stopwatch.StartNew();
        var status = TrainingStatus.Completed;
        string? error = null;
        using var replica = _job.MakeReplica(_device);
        for (; _step < Math.Min(_job.TotalSteps, untilStep) && _rule.Stops(_trend) is null && !cancellation.IsCancellationRequested; _step++)
        {
            var step = _step;
            var gradient = Fold(replica, step, 0, _job.MicroBatches) ?? throw new InvalidOperationException($"step {step} has no samples.");
            var record = Apply(gradient, step, ref _updates);
            _free.Push(gradient);
            Log.Append(record);
            feed?.Write(Show(record, RunRecordKind.Step, clock));
            if (record.Kind == LossRecordKind.Skipped && _job.OnNonFinite != NonFinitePolicy.Skip)
            {
                (status, error) = (TrainingStatus.Failed, $"the gradient of step {step} is not finite (norm {record.GradientNorm}). Lower the learning rate or clip by global norm.");
                break;
            }
            if (!_job.EvaluatesAfter(step)) continue;
            var sum = Evaluate(replica, 0, _job.EvaluationMicroBatches);
            var totals = new EvaluationTotals(sum.Loss, sum.Correct, sum.Samples, sum.Weight).Finished(_rule);
            Follow(new LossRecord(LossRecordKind.Evaluation, step + 1, totals.Loss / totals.Samples, totals.Correct, totals.Samples, 0, 0, 0));
            Log.Append(_lastEvaluation);
            feed?.Write(Show(_lastEvaluation, RunRecordKind.Evaluation, clock));
        }
        if (status == TrainingStatus.Completed && _step < _job.TotalSteps && _rule.Stops(_trend) is null) status = TrainingStatus.Interrupted;
        while (_free.TryPop(out var buffer)) buffer.Dispose();
        return Result(status, error, _step, _lastEvaluation, clock.Elapsed.TotalSeconds);
    }

    private void Follow(in LossRecord evaluation)
    {
        _lastEvaluation = evaluation;
        _trend = _rule.Follow(_trend, evaluation.Loss, (double)evaluation.Correct / evaluation.Samples);
    }

    // The folded gradient of micro-batches [first, first + count); null where all are empty.
    private DeviceBuffer? Fold(IReplica replica, long step, int first, int count)
    {
        if (count == 1) return MicroBatch(replica, step, first);
        var split = 1;
        while (split * 2 < count) split *= 2;
        var left = Fold(replica, step, first, split);
        var right = Fold(replica, step, first + split, count - split);
        if (left is null || right is null) return left ?? right;
        var fold = _device.Op<ITreeFold>();
        foreach (var slice in _job.Layout.Slices)
        {
            var (into, from) = (left.View.Part(slice.Offset, slice.Length), right.View.Part(slice.Offset, slice.Length));
            if (slice.Kind == SliceKind.Moments) fold.Moments(into, from);
            else fold.Sum(into, from);
        }
        _free.Push(right);
        return left;
    }

    private DeviceBuffer? MicroBatch(IReplica replica, long step, int index)
    {
        var samples = _job.SamplesOf(step);
        var (from, to) = ((int)((long)index * samples / _job.MicroBatches), (int)((long)(index + 1) * samples / _job.MicroBatches));
        if (from == to) return null;
        var indexes = new int[to - from];
        for (var i = 0; i < indexes.Length; i++) indexes[i] = _job.SampleAt(step, from + i);
        var gradient = _free.TryPop(out var free) ? free : _device.Allocate(_job.Layout.Length);
        replica.Gradient(new Pass(_job.Seed, step, samples, Segments.One(indexes.Length), indexes, step / _job.StepsPerEpoch), Weights.View, gradient.View);
        return gradient;
    }

    private LossRecord Apply(DeviceBuffer gradient, long step, ref long updates)
    {
        var layout = _job.Layout;
        var squares = new double[layout.Blocks.Count];
        for (var b = 0; b < squares.Length; b++)
        {
            var block = layout.Blocks[b];
            if (layout.Slices[block.Slice] is var of && (of.Kind != SliceKind.Parameter || _job.Optimizer.Rules.RateFactor(of.Name) == 0)) continue;
            _device.Op<IBlockNorm>().SumOfSquares(gradient.View, [block.Offset], [block.Length], squares.AsSpan(b, 1));
        }
        var rate = _rule.LearningRate(step, _trend);
        var metrics = new float[ParameterLayout.MetricsLength];
        gradient.Read(layout.Metrics.Offset, metrics);
        var (loss, factor) = _rule.Finish(metrics[0], metrics[3]);
        if (layout.Sides.Count > 0) AddSides(gradient, factor, squares);
        var norm = Clipping.GlobalNorm(squares) * (layout.Sides.Count > 0 ? 1.0 : factor);
        var finite = double.IsFinite(norm);
        var coefficient = finite ? Clipping.Coefficient(norm, _job.ClipNorm, factor) : 0f;
        if (finite)
        {
            var scalars = new float[Optimizer.MaxScalars];
            var count = _job.Optimizer.Scalars(++updates, rate, scalars);
            foreach (var (parameter, side) in layout.Sides)
                _device.Op<IOptimizerStep<SideRule>>().Run(new SideRule(coefficient, Clipping.Coefficient(norm, _job.ClipNorm)), 1f, gradient.View.Part(parameter.Offset, parameter.Length), gradient.View.Part(side.Offset, side.Length), View.None, View.None, View.None);
            var scale = layout.Sides.Count > 0 ? 1f : coefficient;
            _parameters.Begin(updates, rate, scalars.AsSpan(0, count));
            if (_job.Optimizer.NeedsWholeVector) _parameters.ApplyWhole(_device, scale, layout.Trained(_job.Optimizer.Rules), Weights.View, gradient.View, States.View);
            foreach (var slice in layout.Slices)
            {
                View Part(DeviceBuffer buffer, int at = 0) => buffer.View.Part(at * layout.Length + slice.Offset, slice.Length);
                View State(int i) => i < _job.Optimizer.StateCount ? Part(States, i) : View.None;
                if (slice.Kind == SliceKind.Parameter && !_job.Optimizer.NeedsWholeVector && _job.Optimizer.Rules.RateFactor(slice.Name) is > 0 and var own)
                    _parameters.Apply(_device, own, scale, Part(Weights), Part(gradient), State(0), State(1), State(2));
                else if (slice.Kind == SliceKind.Moments)
                    MomentsUpdate.Apply(Part(Weights).AsSpan(), Part(gradient).AsSpan(), slice.Momentum);
                else if (slice.Kind == SliceKind.Carried)
                    Part(gradient).AsSpan().CopyTo(Part(Weights).AsSpan());
            }
        }
        return new LossRecord(finite ? LossRecordKind.Applied : LossRecordKind.Skipped, step, loss, (long)((double)metrics[1] / _rule.LabelsPerSample), _job.SamplesOf(step), norm, coefficient, rate);
    }

    // Sums of squares of factor·main + sides.
    private void AddSides(DeviceBuffer gradient, double factor, double[] squares)
    {
        var layout = _job.Layout;
        for (var b = 0; b < squares.Length; b++)
        {
            var (block, of) = (layout.Blocks[b], layout.Slices[layout.Blocks[b].Slice]);
            if (of.Kind != SliceKind.Parameter || _job.Optimizer.Rules.RateFactor(of.Name) == 0) continue;
            var (start, sides) = (layout.Sides.First(s => s.Parameter == of).Side.Offset + block.Offset - of.Offset, new double[1]);
            _device.Op<IBlockNorm>().SumOfSquares(gradient.View, [start], [block.Length], sides);
            var cross = _device.Op<IDot>().Product(gradient.View.Part(block.Offset, block.Length), gradient.View.Part(start, block.Length), [(0, block.Length)]);
            squares[b] = SideRule.SumOfSquares(squares[b], cross, sides[0], factor);
        }
    }

    private EvaluationSum Evaluate(IReplica replica, int first, int count)
    {
        if (count == 1)
        {
            long Start(int index) => (long)index * _job.Data.Test.Count / _job.EvaluationMicroBatches;
            var (from, to) = ((int)Start(first), (int)Start(first + 1));
            return replica.Evaluate(_job.Data.Test, Enumerable.Range(from, to - from).ToArray(), Weights.View);
        }
        var split = 1;
        while (split * 2 < count) split *= 2;
        var (left, right) = (Evaluate(replica, first, split), Evaluate(replica, first + split, count - split));
        return new EvaluationSum(left.Loss + right.Loss, left.Correct + right.Correct, left.Samples + right.Samples, left.Weight + right.Weight);
    }

    private RunRecord Show(in LossRecord record, RunRecordKind kind, Stopwatch clock) => new()
    {
        Kind = kind, Step = kind == RunRecordKind.Step ? record.Step + 1 : record.Step, Loss = record.Loss, Accuracy = (double)record.Correct / record.Samples,
        Samples = record.Samples, LearningRate = record.LearningRate, GradientNorm = record.GradientNorm, Seconds = clock.Elapsed.TotalSeconds,
    };

    private TrainingResult Result(TrainingStatus status, string? error, long steps, in LossRecord evaluation, double seconds)
    {
        var (weights, states) = (new float[_job.Layout.Length], new float[_job.Optimizer.StateCount * _job.Layout.Length]);
        Weights.Read(0, weights);
        if (states.Length > 0) States.Read(0, states);
        return new TrainingResult
        {
            Status = status, Error = error, Steps = steps, StepsThisRun = steps, Epochs = (int)(steps / _job.StepsPerEpoch), Seconds = seconds,
            SamplesPerSecond = (steps / _job.StepsPerEpoch * _job.Data.Train.Count + steps % _job.StepsPerEpoch * _job.BatchSize) / Math.Max(1e-9, seconds),
            TrainLoss = TrainLoss.OfLastEpoch(Log, _job.StepsPerEpoch),
            TestLoss = evaluation.Samples > 0 ? evaluation.Loss : double.NaN,
            TestAccuracy = evaluation.Samples > 0 ? (double)evaluation.Correct / evaluation.Samples : double.NaN,
            WeightsSha256 = VectorHash.OfWeights(_job.Layout, weights), StateSha256 = VectorHash.OfState(_job.Layout, states), LossLogSha256 = Log.Sha256(),
            Workers = 1, Shards = 1, MicroBatches = _job.MicroBatches,
        };
    }
}
