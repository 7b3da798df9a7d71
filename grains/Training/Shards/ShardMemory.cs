using DistTrain.Kernels;
using DistTrain.Learning;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>
/// What one parameter shard holds: its range of the weights (a part of the job's one flat vector, which workers of this process read in place)
/// and its optimizer state. It folds gradients by slice kind, sums squares by block, applies a decided step, and is saved while training goes on.
/// </summary>
/// <remarks>One thread at a time, on any device of its class; the snapshot may be read by another.</remarks>
internal sealed class ShardMemory : IDisposable
{
    // Elements of a snapshot that are copied at once while a step may be waiting.
    private const int CopyElements = 1 << 16;

    private readonly ParameterLayout _layout;
    private readonly Optimizer _optimizer;
    private readonly DeviceBuffer _states;
    private readonly DeviceBuffer? _own;
    private readonly View _weights;
    private readonly Run[] _sums;
    private readonly (Run Run, float Momentum)[] _moments;
    private readonly Run[] _carried;
    private UpdateMeasure? _measure;
    private readonly (Run Run, double Factor)[] _parameters;
    private readonly IReadOnlyList<(int Start, int Length)> _whole;
    private readonly ParameterStep _step;
    private readonly (Run Main, Run Side)[] _sides;
    private readonly BlockRun[] _blocks;
    private readonly int _metrics;
    private readonly Lock _copying = new();
    private DeviceBuffer? _snapshot;
    private int _copied = int.MaxValue;

    /// <summary>Elements [Start, Start + Length) of the range.</summary>
    private readonly record struct Run(int Start, int Length);

    /// <summary>Consecutive parameter blocks: the first's number within the shard, where each lies in the range, and where the same elements of its side gradient do, if there is one.</summary>
    private sealed record BlockRun(int First, int[] Starts, int[] Lengths, int[] Sides)
    {
        /// <summary>All of a block, as <see cref="IDot"/> takes it.</summary>
        public (int Start, int Length)[][] Wholes { get; } = [.. Sides.Select((_, i) => new[] { (0, Lengths[i]) })];
    }

    /// <param name="device">Where the state lives.</param>
    /// <param name="weights">The whole flat vector, which this shard has a part in.</param>
    public ShardMemory(ParameterLayout layout, ShardRange range, Optimizer optimizer, Device device, View weights) : this(layout, range, optimizer, device, weights.Part(range.Offset, range.Length), null)
    {
    }

    private ShardMemory(ParameterLayout layout, ShardRange range, Optimizer optimizer, Device device, View weights, DeviceBuffer? own)
    {
        (_layout, Range, _optimizer, _weights, _own) = (layout, range, optimizer, weights, own);
        _states = device.Allocate(Math.Max(1, optimizer.StateCount * range.Length));
        var slices = layout.Slices.Where(s => s.Offset < range.Offset + range.Length && s.Offset + s.Length > range.Offset).ToList();
        _sums = Runs(slices.Where(s => s.Kind != SliceKind.Moments));
        _moments = [.. slices.Where(s => s.Kind == SliceKind.Moments).SelectMany(s => Runs([s]).Select(run => (run, s.Momentum)))];
        _carried = Runs(slices.Where(s => s.Kind == SliceKind.Carried));
        _step = new ParameterStep(optimizer);
        _parameters = [.. Groups(slices.Where(s => s.Kind == SliceKind.Parameter))];
        _whole = optimizer.NeedsWholeVector ? layout.Trained(optimizer.Rules) : []; // its one shard begins where the vector does
        _blocks = BlockRuns();
        _sides = [.. layout.Sides.Where(s => slices.Contains(s.Parameter)).Select(s => (new Run(s.Parameter.Offset - range.Offset, s.Parameter.Length), new Run(s.Side.Offset - range.Offset, s.Side.Length)))]; // shards hold whole tensors then
        var metrics = layout.Metrics.Offset - range.Offset;
        _metrics = metrics >= 0 && metrics < range.Length ? metrics : -1;
    }

    /// <summary>With weights of its own: no other shard and no worker of the process reads them in place.</summary>
    public static ShardMemory Alone(ParameterLayout layout, ShardRange range, Optimizer optimizer, Device device, int measureEvery = 0)
    {
        var own = device.Allocate(range.Length);
        return new ShardMemory(layout, range, optimizer, device, own.View, own) { MeasureEvery = measureEvery };
    }

    public ShardRange Range { get; }

    /// <summary>Updates between two that are measured; 0 = none is.</summary>
    public int MeasureEvery { get; init; }

    /// <summary>[Range.Length].</summary>
    public View Weights => _weights;

    /// <summary>[StateCount, Range.Length].</summary>
    public View States => _states.View.Part(0, _optimizer.StateCount * Range.Length);

    /// <summary>left = left + right, slice by slice as its kind says; right is not needed any more.</summary>
    public void Fold(Device device, View left, View right)
    {
        var fold = device.Op<ITreeFold>();
        foreach (var run in _sums) fold.Sum(left.Part(run.Start, run.Length), right.Part(run.Start, run.Length));
        foreach (var (run, _) in _moments) fold.Moments(left.Part(run.Start, run.Length), right.Part(run.Start, run.Length));
    }

    /// <summary>Fills in sums of squares by block of this shard (0 for what clipping does not count) and, where this shard has them, the step's figures.</summary>
    public void Reduce(Device device, View gradient, ReducedFigures figures)
    {
        if (figures.Squares.Length != Range.BlockCount) figures.Squares = new double[Range.BlockCount];
        Array.Clear(figures.Squares);
        var norm = device.Op<IBlockNorm>();
        foreach (var run in _blocks) norm.SumOfSquares(gradient, run.Starts, run.Lengths, figures.Squares.AsSpan(run.First, run.Starts.Length));
        if (_sides.Length > 0) ReduceSides(device, gradient, figures);
        (figures.Updates, figures.Weights) = _measure?.Take() ?? ([], []);
        figures.HasLoss = _metrics >= 0;
        if (_metrics < 0) return;
        var metrics = gradient.Part(_metrics, ParameterLayout.MetricsLength).AsSpan();
        (figures.Loss, figures.Correct, figures.Weight) = (metrics[0], metrics[1], metrics[3]);
    }

    /// <summary>One decided update: the optimizer on parameters, the moving average on moments, the new state in place of what is carried, nothing on metrics.</summary>
    /// <param name="update">1 for the first applied update.</param>
    /// <param name="learningRate">The step's rate, and the optimizer's scalars at it.</param>
    /// <param name="clip">What side gradients are multiplied by: the coefficient without the loss's factor.</param>
    public void Apply(Device device, long update, double learningRate, ReadOnlySpan<float> scalars, float coefficient, View gradient, float clip = 1f)
    {
        CopyRest();
        if (_sides.Length > 0)
        {
            var join = device.Op<IOptimizerStep<SideRule>>();
            foreach (var (main, side) in _sides) join.Run(new SideRule(coefficient, clip), 1f, gradient.Part(main.Start, main.Length), gradient.Part(side.Start, side.Length), View.None, View.None, View.None);
            coefficient = 1f;
        }
        var measures = MeasureEvery > 0 && update % MeasureEvery == 0;
        if (measures) (_measure ??= new UpdateMeasure(_layout, Range)).Before(_weights.AsSpan());
        _step.Begin(update, learningRate, scalars);
        if (_optimizer.NeedsWholeVector) _step.ApplyWhole(device, coefficient, _whole, _weights, gradient.Part(0, Range.Length), States);
        else foreach (var (run, factor) in _parameters)
            _step.Apply(device, factor, coefficient, _weights.Part(run.Start, run.Length), gradient.Part(run.Start, run.Length), State(0, run), State(1, run), State(2, run));
        foreach (var (run, momentum) in _moments)
            MomentsUpdate.Apply(_weights.Part(run.Start, run.Length).AsSpan(), gradient.Part(run.Start, run.Length).AsSpan(), momentum);
        if (measures) _measure!.After(_weights.AsSpan());
        foreach (var run in _carried) gradient.Part(run.Start, run.Length).AsSpan().CopyTo(_weights.Part(run.Start, run.Length).AsSpan());
    }

    /// <summary>Replaces weights and state.</summary>
    /// <param name="vectors">[1 + StateCount, Layout.Length], or only the weights: the state is then zero.</param>
    public void Load(ReadOnlySpan<float> vectors)
    {
        CopyRest();
        vectors.Slice(Range.Offset, Range.Length).CopyTo(_weights.AsSpan());
        for (var s = 0; s < _optimizer.StateCount; s++)
        {
            var state = _states.View.Part(s * Range.Length, Range.Length).AsSpan();
            if (vectors.Length == _layout.Length) state.Clear();
            else vectors.Slice((s + 1) * _layout.Length + Range.Offset, Range.Length).CopyTo(state);
        }
    }

    /// <summary>Copies weights and state to [1 + StateCount, Range.Length].</summary>
    public void CopyTo(Span<float> elements)
    {
        _weights.AsSpan().CopyTo(elements);
        States.AsSpan().CopyTo(elements[Range.Length..]);
    }

    /// <summary>Takes weights and state from [1 + StateCount, Range.Length].</summary>
    public void CopyFrom(ReadOnlySpan<float> elements)
    {
        CopyRest();
        elements[..Range.Length].CopyTo(_weights.AsSpan());
        elements.Slice(Range.Length, States.Length).CopyTo(States.AsSpan());
    }

    /// <summary>From now on <see cref="Snapshot"/> gives the elements as they are now. They are copied when first needed: by the reader, or by the next update before it writes.</summary>
    public void BeginSnapshot()
    {
        lock (_copying)
        {
            _snapshot ??= _weights.Buffer!.Device.Allocate(SnapshotLength);
            _copied = 0;
        }
    }

    /// <summary>[1 + StateCount, Range.Length] as of <see cref="BeginSnapshot"/>; valid until the next one.</summary>
    public ReadOnlySpan<float> Snapshot()
    {
        var more = true;
        while (more)
        {
            // In pieces, so that an update waits for one piece and then copies the rest itself at full speed.
            lock (_copying) more = CopyPiece();
        }
        return _snapshot!.View.AsSpan();
    }

    public void Dispose()
    {
        _states.Dispose();
        _own?.Dispose();
        lock (_copying) _snapshot?.Dispose();
    }

    private int SnapshotLength => (1 + _optimizer.StateCount) * Range.Length;

    private void CopyRest()
    {
        lock (_copying)
        {
            while (CopyPiece()) { }
        }
    }

    private bool CopyPiece()
    {
        if (_copied >= SnapshotLength) return false;
        var source = _copied < Range.Length ? _weights : States;
        var start = _copied < Range.Length ? _copied : _copied - Range.Length;
        var length = Math.Min(CopyElements, source.Length - start);
        source.Part(start, length).AsSpan().CopyTo(_snapshot!.View.Part(_copied, length).AsSpan());
        _copied += length;
        return _copied < SnapshotLength;
    }

    private void ReduceSides(Device device, View gradient, ReducedFigures figures)
    {
        if (figures.Sides.Length != Range.BlockCount) (figures.Sides, figures.Cross) = (new double[Range.BlockCount], new double[Range.BlockCount]);
        var (norm, dot) = (device.Op<IBlockNorm>(), device.Op<IDot>());
        foreach (var run in _blocks)
        {
            norm.SumOfSquares(gradient, run.Sides, run.Lengths, figures.Sides.AsSpan(run.First, run.Sides.Length));
            for (var i = 0; i < run.Sides.Length; i++)
                figures.Cross[run.First + i] = dot.Product(gradient.Part(run.Starts[i], run.Lengths[i]), gradient.Part(run.Sides[i], run.Lengths[i]), run.Wholes[i]);
        }
    }

    private View State(int index, Run run) => index < _optimizer.StateCount ? _states.View.Part(index * Range.Length + run.Start, run.Length) : View.None;

    // Tensors with one rate for all of them; each by itself where the optimizer needs its norm. Frozen ones are left out.
    private IEnumerable<(Run, double)> Groups(IEnumerable<Slice> parameters)
    {
        var group = new List<Slice>();
        var last = 0.0;
        foreach (var slice in parameters)
        {
            var factor = _optimizer.Rules.RateFactor(slice.Name);
            if (factor != last || _optimizer.NeedsWholeTensors)
            {
                foreach (var run in Runs(group)) yield return (run, last);
                group.Clear();
            }
            last = factor;
            if (factor > 0) group.Add(slice);
        }
        foreach (var run in Runs(group)) yield return (run, last);
    }

    private bool Counts(Slice slice) => slice.Kind == SliceKind.Parameter && _optimizer.Rules.RateFactor(slice.Name) > 0;

    // Neighbouring slices, padding between them included, are one run: rules and sums are element by element, and padding is zero and stays so.
    private Run[] Runs(IEnumerable<Slice> slices)
    {
        var runs = new List<Run>();
        foreach (var slice in slices)
        {
            var (from, to) = (Math.Max(slice.Offset, Range.Offset) - Range.Offset, Math.Min(slice.Offset + slice.Length, Range.Offset + Range.Length) - Range.Offset);
            if (slice.Kind != SliceKind.Moments && runs.Count > 0 && from - (runs[^1].Start + runs[^1].Length) is >= 0 and < ParameterLayout.Alignment)
                runs[^1] = new Run(runs[^1].Start, to - runs[^1].Start);
            else
                runs.Add(new Run(from, to - from));
        }
        return [.. runs];
    }

    private BlockRun[] BlockRuns()
    {
        var runs = new List<BlockRun>();
        // From a parameter's slice to its side's: all of them have one, or none.
        var sides = _layout.Sides.ToDictionary(s => _layout.Slices.TakeWhile(slice => slice != s.Parameter).Count(), s => s.Side.Offset - s.Parameter.Offset);
        for (var b = 0; b < Range.BlockCount;)
        {
            var first = b;
            while (b < Range.BlockCount && Counts(_layout.Slices[_layout.Blocks[Range.FirstBlock + b].Slice])) b++;
            if (b > first)
            {
                var blocks = _layout.Blocks.Skip(Range.FirstBlock + first).Take(b - first).ToList();
                runs.Add(new BlockRun(first, [.. blocks.Select(k => k.Offset - Range.Offset)], [.. blocks.Select(k => k.Length)],
                    [.. blocks.Where(k => sides.ContainsKey(k.Slice)).Select(k => k.Offset - Range.Offset + sides[k.Slice])]));
            }
            b = Math.Max(b, first + 1);
        }
        return [.. runs];
    }
}
