using System.Runtime.InteropServices;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>
/// Consecutive stages of a model on one device. Several units (micro-batches that run as one batch) may be on their way at once: each keeps its own
/// activations from Forward to Backward. The nodes that run are those of the whole model's tape, so the bits are the whole model's. One thread at a time.
/// </summary>
public sealed class StageReplica : IDisposable
{
    private readonly Network _network;
    private readonly Loss _loss;
    private readonly Dataset _train;
    private readonly IVector _vector;
    private readonly DeviceBuffer _figures;
    private readonly Stack<StageUnit> _free = new();
    private readonly List<StageUnit> _all = [];
    private readonly Dictionary<int, Segments> _single = [];
    private readonly int[] _target;
    private readonly float[] _sample;
    private readonly Tape _tape;
    private StageUnit? _evaluating;
    private float[] _staging = [];
    private int[] _targets = [];

    internal StageReplica(Network network, Loss loss, Device device, Dataset train, int offset, int end)
    {
        (_network, _loss, Device, _train, Offset, Length) = (network, loss, device, train, offset, end - offset);
        _vector = device.Op<IVector>();
        _figures = device.Allocate(ParameterLayout.MetricsLength);
        (_sample, _target) = (new float[train.InputShape.Length], new int[train.TargetShape.Length]);
        _tape = Record(TapeMode.Training, train);
    }

    public Device Device { get; }

    /// <summary>Elements [Offset, Offset + Length) of the flat vector are these stages'.</summary>
    public int Offset { get; }

    public int Length { get; }

    /// <summary>Elements of one sample that come in; 0: the samples themselves, read from the data.</summary>
    public int Entering => IsFirst ? 0 : _tape.Entering.Shape.Length;

    /// <summary>Elements of one sample that go out; 0: the loss.</summary>
    public int Leaving => _tape.Leaving?.Shape.Length ?? 0;

    private bool IsFirst => _tape.Run.First == 0;

    /// <summary>The pass's samples through these stages.</summary>
    /// <param name="weights">[Length]; read here and in Backward.</param>
    /// <param name="gradient">[Length]; the folded gradient of the pass once Backward has run, with moments, and in the last stage the metrics.</param>
    /// <param name="entering">[samples, Entering] on the host.</param>
    /// <param name="leaving">[samples, Leaving] on the host; overwritten.</param>
    /// <returns>To be handed to Backward, or to Drop.</returns>
    public StageUnit Forward(in Pass pass, View weights, View gradient, ReadOnlySpan<float> entering, Span<float> leaving)
    {
        if (!_free.TryPop(out var unit)) _all.Add(unit = new StageUnit(new Replay(_tape, _network.Layout, new Arena(Device))));
        var (replay, frame) = (unit.Replay, unit.Replay.Frame);
        unit.Gradient = Rebase(gradient);
        replay.Prepare(pass.Segments, Rebase(weights), unit.Gradient);
        (frame.Seed, frame.Step, frame.StepSamples) = (pass.Seed, pass.Step, pass.StepSamples);
        if (_tape.Leaving is null) frame.Metrics = unit.Gradient.Part(_network.Layout.Metrics.Offset, _network.Layout.Metrics.Length);
        Load(replay, _train, pass.SampleIndexes, entering, pass.Epoch);
        replay.ClearSilent(unit.Gradient, Offset, Offset + Length);
        replay.Forward();
        if (_tape.Leaving is null) _vector.Fill(frame.Metrics.Part(2, 1), pass.Segments.Samples);
        else Read(replay.Leaving, leaving);
        return unit;
    }

    /// <summary>The same samples back.</summary>
    /// <param name="leaving">[samples, Leaving]: gradient by what Forward gave.</param>
    /// <param name="entering">[samples, Entering]: gradient by what came in; overwritten.</param>
    public void Backward(StageUnit unit, ReadOnlySpan<float> leaving, Span<float> entering)
    {
        if (_tape.Leaving is not null) Write(unit.Replay.LeavingGradient, leaving);
        unit.Replay.Backward(unit.Gradient);
        if (!IsFirst) Read(unit.Replay.EnteringGradient, entering);
        Drop(unit);
    }

    /// <summary>The unit is not wanted any more.</summary>
    public void Drop(StageUnit unit) => _free.Push(unit);

    /// <summary>Evaluation mode, forward only.</summary>
    /// <param name="leaving">[samples, Leaving]; overwritten.</param>
    /// <returns>In the last stage: summed, not averaged, loss.</returns>
    public EvaluationSum Evaluate(Dataset data, ReadOnlySpan<int> sampleIndexes, View weights, ReadOnlySpan<float> entering, Span<float> leaving)
    {
        _evaluating ??= new StageUnit(new Replay(Record(TapeMode.Evaluation, data), _network.Layout, new Arena(Device)));
        var (replay, frame) = (_evaluating.Replay, _evaluating.Replay.Frame);
        if (!_single.TryGetValue(sampleIndexes.Length, out var one)) _single[sampleIndexes.Length] = one = Segments.One(sampleIndexes.Length);
        replay.Prepare(one, Rebase(weights), View.None);
        (frame.StepSamples, frame.Metrics) = (1, _figures.View);
        _vector.Fill(frame.Metrics, 0f);
        Load(replay, data, sampleIndexes, entering);
        replay.Forward();
        if (replay.Tape.Leaving is not null)
        {
            Read(replay.Leaving, leaving);
            return default;
        }
        Span<float> figures = stackalloc float[4];
        _figures.Read(0, figures);
        return new EvaluationSum(figures[0], (long)figures[1], sampleIndexes.Length, figures[3]);
    }

    public void Dispose()
    {
        foreach (var unit in _all) unit.Dispose();
        _evaluating?.Dispose();
        _figures.Dispose();
    }

    private Tape Record(TapeMode mode, Dataset data)
    {
        var tape = new Tape(Device, mode, _network.Input, data.TargetShape) { Objective = (_loss, data.TargetKind) };
        var output = _network.Record(tape);
        tape.Add(_loss.Record(tape, output, data.TargetKind));
        var (cuts, length) = (new TapeCuts(tape), _network.Layout.Length);
        tape.FinishPart(output, cuts.At(Offset, length), cuts.At(Offset + Length, length));
        return tape;
    }

    // Nodes address the flat vector by its own offsets: a view that begins Offset elements earlier, of which only the last Length are ever touched.
    private View Rebase(View own) => own.IsNone ? own : new View(own.Buffer, own.Offset - Offset, Offset + Length);

    // The first stage reads inputs, the last one targets; random numbers are keyed by sample everywhere.
    private void Load(Replay replay, Dataset data, ReadOnlySpan<int> indexes, ReadOnlySpan<float> entering, long epoch = 0)
    {
        var (tape, frame) = (replay.Tape, replay.Frame);
        var (first, last) = (tape.Run.First == 0, tape.Leaving is null);
        var (input, target) = (data.InputShape.Length, data.TargetShape.Length);
        if (first && _staging.Length < indexes.Length * input) _staging = new float[indexes.Length * input];
        if (last && _targets.Length < indexes.Length * target) _targets = new int[indexes.Length * target];
        for (var i = 0; (first || last) && i < indexes.Length; i++)
            data.Read(indexes[i], epoch, first ? _staging.AsSpan(i * input, input) : _sample, last ? _targets.AsSpan(i * target, target) : _target);
        Write(replay.Input, first ? _staging.AsSpan(0, indexes.Length * input) : entering);
        if (last) Write(frame.Target, MemoryMarshal.Cast<int, float>(_targets.AsSpan(0, indexes.Length * target)));
        Write(frame.SampleIndexes, MemoryMarshal.Cast<int, float>(indexes));
    }

    private static void Write(View view, ReadOnlySpan<float> values)
    {
        if (values.Length != view.Length) throw new ArgumentException($"a stage is given {values.Length} elements. It takes {view.Length}.", nameof(values));
        view.Buffer!.Write(view.Offset, values);
    }

    private static void Read(View view, Span<float> values)
    {
        if (values.Length != view.Length) throw new ArgumentException($"a stage's {view.Length} elements are read into {values.Length}; the counts must be equal.", nameof(values));
        view.Buffer!.Read(view.Offset, values);
    }
}

/// <summary>Micro-batches on their way through a stage: their activations, until they come back.</summary>
public sealed class StageUnit : IDisposable
{
    private readonly Arena _arena;

    internal StageUnit(Replay replay) => (Replay, _arena) = (replay, replay.Arena);

    internal Replay Replay { get; }

    internal View Gradient { get; set; }

    public void Dispose()
    {
        Replay.Dispose();
        _arena.Dispose();
    }
}
