using System.Runtime.InteropServices;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>A network with its loss and training data on one device. One thread at a time.</summary>
public sealed class Replica : IReplica
{
    private readonly Network _network;
    private readonly Loss _loss;
    private readonly Dataset? _train;
    private readonly Arena _arena;
    private readonly IVector _vector;
    private readonly DeviceBuffer _evaluation;
    private readonly Dictionary<int, Segments> _single = [];
    private DeviceBuffer? _sides;
    private Replay? _training;
    private Replay? _evaluating;
    private Replay? _predicting;
    private float[] _hostInput = [];
    private int[] _hostTarget = [];

    /// <param name="network">Built for the data's input shape.</param>
    /// <param name="train">Where Gradient reads its samples; null = this replica only evaluates and predicts.</param>
    public Replica(Network network, Loss loss, Device device, Dataset? train = null)
    {
        (_network, _loss, Device, _train) = (network, loss, device, train);
        _arena = new Arena(device);
        _vector = device.Op<IVector>();
        _evaluation = device.Allocate(ParameterLayout.MetricsLength);
        if (network.Sides.HasPenalties && loss.Factor != LossFactor.None && network.Layout.Sides.Count == 0)
            throw new ArgumentException($"the network has {string.Join(", ", network.Sides.Penalties)} and the loss takes a factor at the end of a step. Give the loss to the network's constructor too: their gradients need slices of their own.", nameof(network));
        if (train is not null) Check(train);
    }

    public Device Device { get; }

    public ParameterLayout Layout => _network.Layout;

    public void Gradient(in Pass pass, View weights, View gradient)
    {
        var data = _train ?? throw new InvalidOperationException("this replica was made without training data; give it to the constructor.");
        if (pass.SampleIndexes.Length != pass.Segments.Samples)
            throw new ArgumentException($"the pass names {pass.SampleIndexes.Length} samples and its segments hold {pass.Segments.Samples}; the counts must be equal.", nameof(pass));
        _training ??= Record(TapeMode.Training, data);
        if (Layout.Sides.Count == 0) Differentiate(pass, data, weights, gradient, Terms.All);
        else
        {
            // Once more for the side losses alone: the main gradient still takes a factor that only the whole step's sums give.
            _sides ??= Device.Allocate(Layout.Length);
            Differentiate(pass, data, weights, _sides.View, Terms.Sides);
            Differentiate(pass, data, weights, gradient, Terms.Main);
            foreach (var (parameter, side) in Layout.Sides) _vector.Copy(_sides.View.Part(parameter.Offset, parameter.Length), gradient.Part(side.Offset, side.Length));
        }
        _vector.Fill(gradient.Part(Layout.Metrics.Offset + 2, 1), pass.Segments.Samples);
    }

    private void Differentiate(in Pass pass, Dataset data, View weights, View gradient, Terms terms)
    {
        var frame = _training!.Frame;
        _training.Prepare(pass.Segments, weights, gradient);
        (frame.Seed, frame.Step, frame.StepSamples, frame.Terms) = (pass.Seed, pass.Step, pass.StepSamples, terms);
        frame.Metrics = gradient.Part(Layout.Metrics.Offset, Layout.Metrics.Length);
        Load(_training, data, pass.SampleIndexes, pass.Epoch);
        _training.ClearSilent(gradient);
        _training.Forward();
        _training.Backward(gradient);
    }

    /// <summary>The same pass with a look at the clock around every node: the shortest time of each, and what it must compute and move.</summary>
    /// <param name="repeats">How often; at least 1.</param>
    public IReadOnlyList<NodeCost> Measure(in Pass pass, View weights, View gradient, int repeats)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(repeats, 1);
        Gradient(pass, weights, gradient);
        var clock = _training!.Clock = new NodeClock();
        for (var i = 0; i < repeats; i++) Gradient(pass, weights, gradient);
        _training.Clock = null;
        return clock.Costs(pass.Segments);
    }

    public EvaluationSum Evaluate(Dataset data, ReadOnlySpan<int> sampleIndexes, View weights)
    {
        if (_evaluating is null || _evaluating.Tape.TargetShape != data.TargetShape)
        {
            Check(data);
            _evaluating?.Dispose();
            _evaluating = Record(TapeMode.Evaluation, data);
        }
        var frame = _evaluating.Frame;
        _evaluating.Prepare(One(sampleIndexes.Length), weights, View.None);
        frame.StepSamples = 1;
        frame.Metrics = _evaluation.View;
        _vector.Fill(frame.Metrics, 0f);
        Load(_evaluating, data, sampleIndexes);
        _evaluating.Forward();
        Span<float> metrics = stackalloc float[4];
        _evaluation.Read(0, metrics);
        return new EvaluationSum(metrics[0], (long)metrics[1], sampleIndexes.Length, metrics[3]);
    }

    public void Predict(ReadOnlySpan<float> inputs, int samples, View weights, Span<float> outputs)
    {
        if (inputs.Length != samples * _network.Input.Length || outputs.Length != samples * _network.Output.Length)
            throw new ArgumentException($"{samples} samples are given as {inputs.Length} input and {outputs.Length} output elements. They must be {samples} x {_network.Input} and {samples} x {_network.Output}.", nameof(inputs));
        _predicting ??= Record(TapeMode.Prediction, null);
        _predicting.Prepare(One(samples), weights, View.None);
        Write(_predicting.Input, inputs);
        _predicting.Forward();
        var y = _predicting.Output;
        y.Buffer!.Read(y.Offset, outputs);
    }

    public void Dispose()
    {
        _sides?.Dispose();
        _training?.Dispose();
        _evaluating?.Dispose();
        _predicting?.Dispose();
        _arena.Dispose();
        _evaluation.Dispose();
    }

    private Replay Record(TapeMode mode, Dataset? data)
    {
        var tape = new Tape(Device, mode, _network.Input, data?.TargetShape) { Objective = data is null ? null : (_loss, data.TargetKind) };
        var output = _network.Record(tape);
        if (data is not null) tape.Add(_loss.Record(tape, output, data.TargetKind));
        tape.Finish(output);
        return new Replay(tape, Layout, _arena);
    }

    // Samples are read straight into device memory where the host can address it, otherwise staged.
    private void Load(Replay replay, Dataset data, ReadOnlySpan<int> indexes, long epoch = 0)
    {
        var frame = replay.Frame;
        var (input, target) = (data.InputShape.Length, data.TargetShape.Length);
        var onHost = replay.Input.Buffer is CpuBuffer;
        if (!onHost && _hostInput.Length < indexes.Length * input) _hostInput = new float[indexes.Length * input];
        if (!onHost && _hostTarget.Length < indexes.Length * target) _hostTarget = new int[indexes.Length * target];
        var inputs = onHost ? replay.Input.AsSpan() : _hostInput.AsSpan(0, indexes.Length * input);
        var targets = onHost ? frame.Target.AsInts() : _hostTarget.AsSpan(0, indexes.Length * target);
        data.ReadAll(indexes, epoch, inputs, targets);
        if (!onHost)
        {
            Write(replay.Input, inputs);
            Write(frame.Target, MemoryMarshal.Cast<int, float>(targets));
        }
        Write(frame.SampleIndexes, MemoryMarshal.Cast<int, float>(indexes));
    }

    private static void Write(View view, ReadOnlySpan<float> values) => view.Buffer!.Write(view.Offset, values);

    private Segments One(int samples) => _single.TryGetValue(samples, out var one) ? one : _single[samples] = Segments.One(samples);

    private void Check(Dataset data)
    {
        if (data.InputShape != _network.Input)
            throw new ShapeException($"the data's samples are {data.InputShape}. They must be {_network.Input}, what the network was built for.");
        if (_network.Vocabulary > 0 && (data.Vocabulary == 0 || data.Vocabulary > _network.Vocabulary))
            throw new ShapeException(data.Vocabulary == 0 ? $"the data's inputs are real values. The network takes tokens below {_network.Vocabulary}: use text."
                : $"the data has {data.Vocabulary} tokens and the network's embedding {_network.Vocabulary} rows. Let vocabulary be at least {data.Vocabulary}.");
        if (_network.Misfit(_loss, data.TargetShape, data.TargetKind, data.Classes) is { } misfit) throw new ShapeException(misfit);
    }
}
