using System.Runtime.InteropServices;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>Runs one layer (or one loss) forward and backward on given numbers: what vector checks, gradient checks and the op matrix stand on.</summary>
/// <remarks>Without a loss the scalar that is differentiated is Σ output·cotangent.</remarks>
public sealed class LayerProbe : IDisposable
{
    private readonly Loss? _loss;
    private readonly Arena _arena;
    private readonly Replay _replay;
    private readonly DeviceBuffer _weights;
    private readonly DeviceBuffer _gradient;

    /// <param name="layer">Not built yet; null = the input itself (to probe a loss).</param>
    /// <param name="input">One sample's input.</param>
    /// <param name="loss">null = Σ output·cotangent.</param>
    /// <param name="target">One sample's target, with a loss.</param>
    /// <param name="targets">What the targets are, with a loss.</param>
    public LayerProbe(Layer? layer, Shape input, Device device, Loss? loss = null, Shape target = default, TargetKind targets = TargetKind.Values)
    {
        _loss = loss;
        Network = new Network(layer ?? new Sequential(), input, loss: loss);
        var tape = new Tape(device, TapeMode.Training, input, loss is null ? Network.Output : target, inputNeedsGradient: true) { Objective = loss is null ? null : (loss, targets) };
        var output = Network.Record(tape);
        tape.Add(loss is null ? new CotangentNode(tape, output) : loss.Record(tape, output, targets));
        tape.Finish(output);
        _arena = new Arena(device);
        _replay = new Replay(tape, Network.Layout, _arena);
        (_weights, _gradient) = (device.Allocate(Network.Layout.Length), device.Allocate(Network.Layout.Length));
    }

    public Network Network { get; }

    /// <param name="weights">The flat vector.</param>
    /// <param name="x">[samples, input].</param>
    /// <param name="target">[samples, output] of the cotangent, or the loss's targets (labels as int32 bits).</param>
    /// <param name="segments">Micro-batches of this run.</param>
    /// <param name="firstSample">Data set index of the first sample: the others follow.</param>
    /// <param name="stepSamples">Samples of the whole step; 0 = those of this run.</param>
    public ProbeResult Run(ReadOnlySpan<float> weights, ReadOnlySpan<float> x, ReadOnlySpan<float> target, Segments segments, int firstSample = 0, int stepSamples = 0, ulong seed = 1, long step = 0)
    {
        var (layout, frame) = (Network.Layout, _replay.Frame);
        _weights.Write(0, weights);
        _replay.Prepare(segments, _weights.View, _gradient.View);
        (frame.Seed, frame.Step, frame.StepSamples) = (seed, step, stepSamples > 0 ? stepSamples : segments.Samples);
        frame.Metrics = _gradient.View.Part(layout.Metrics.Offset, layout.Metrics.Length);
        Write(_replay.Input, x);
        Write(frame.Target, target);
        Write(frame.SampleIndexes, MemoryMarshal.Cast<int, float>(Enumerable.Range(firstSample, segments.Samples).ToArray()));
        _replay.ClearSilent(_gradient.View);
        _replay.Forward();
        _replay.Backward(_gradient.View);
        var (gradient, output, dx) = (new float[layout.Length], new float[segments.Samples * Network.Output.Length], new float[x.Length]);
        _gradient.Read(0, gradient);
        Read(_replay.Output, output);
        if (_replay.Tape.Input.Gradient is { } region) Read(frame.Of(region), dx);
        return new ProbeResult(output, dx, gradient, gradient[layout.Metrics.Offset]);
    }

    /// <summary>What is differentiated: the loss, or Σ output·cotangent in float64.</summary>
    public double Scalar(ProbeResult found, ReadOnlySpan<float> target)
    {
        if (_loss is not null) return found.Loss;
        var sum = 0.0;
        for (var i = 0; i < target.Length; i++) sum += (double)found.Output[i] * target[i];
        return sum;
    }

    /// <summary>Random cotangents, real targets or (below <paramref name="classes"/>) labels for a batch.</summary>
    public float[] Target(int samples, int classes, ulong seed)
    {
        var target = new float[samples * _replay.Tape.TargetShape!.Value.Length];
        RandomFill.Normal(target, RandomKey.Of(seed, 0, RandomKey.HashPath("target")), 0f, 1f);
        var labels = new RandomStream(seed, 1);
        if (classes > 0)
            for (var i = 0; i < target.Length; i++) target[i] = BitConverter.Int32BitsToSingle(labels.Next(classes));
        return target;
    }

    /// <summary>Random tokens below the network's vocabulary for a batch.</summary>
    public float[] Tokens(int samples, ulong seed)
    {
        var tokens = new float[samples * Network.Input.Length];
        FillTokens(tokens, Network.Vocabulary, seed);
        return tokens;
    }

    internal static void FillTokens(Span<float> tokens, int vocabulary, ulong seed)
    {
        var random = new RandomStream(seed, 2);
        foreach (ref var token in tokens) token = random.Next(vocabulary);
    }

    public void Dispose()
    {
        _replay.Dispose();
        _arena.Dispose();
        _weights.Dispose();
        _gradient.Dispose();
    }

    private static void Write(View view, ReadOnlySpan<float> values)
    {
        if (view.Length != values.Length) throw new ArgumentException($"{values.Length} elements are given where {view.Length} are needed.", nameof(values));
        view.Buffer!.Write(view.Offset, values);
    }

    private static void Read(View view, Span<float> values) => view.Buffer!.Read(view.Offset, values);

    // The gradient of Σ y·c by y is c.
    internal sealed class CotangentNode(Tape tape, Tensor output) : LossNode(tape, output)
    {
        private readonly IVector _vector = tape.Device.Op<IVector>();

        public override void Forward(Frame frame)
        {
            if (frame.InputGradient() is { IsNone: false } dy) _vector.Copy(frame.Target, dy);
        }
    }
}

/// <summary>What a probe found.</summary>
/// <param name="Output">[samples, output].</param>
/// <param name="InputGradient">[samples, input]; zeros where nothing depends on the input.</param>
/// <param name="Gradient">The flat gradient of the node of the tree that the segments form.</param>
/// <param name="Loss">The loss, when one was given.</param>
public sealed record ProbeResult(float[] Output, float[] InputGradient, float[] Gradient, float Loss);
