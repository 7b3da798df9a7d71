using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>Some layers of a network's outermost sequence on a tape of their own, one sample at a time, in the forms of evaluation and with gradients: for looking at a network from the inside.</summary>
/// <remarks>Layers are run one after the other as they stand: no ReLU is fused into the product before it, so what a part of one layer gives is that layer's own.</remarks>
public sealed class NetworkPart : IDisposable
{
    private readonly Arena _arena;
    private readonly Replay _replay;
    private readonly DeviceBuffer _gradient;
    private readonly int _outputs;

    /// <param name="layers">Neighbours in <see cref="Network.Sequence"/>.</param>
    /// <param name="loss">Ends the part; null: what is differentiated is Σ output·cotangent.</param>
    /// <param name="target">One sample's target, with a loss.</param>
    public NetworkPart(Network network, IReadOnlyList<(string Path, Layer Layer, Shape Input, Shape Output)> layers, Device device, Loss? loss = null, Shape target = default, TargetKind targets = TargetKind.Values)
    {
        (Input, Output) = (layers[0].Input, layers[^1].Output);
        var tape = new Tape(device, TapeMode.Attribution, Input, loss is null ? Output : target, inputNeedsGradient: true);
        var x = tape.Input;
        foreach (var (_, layer, input, _) in layers) x = layer.Forward(tape, x.Shape == input ? x : x.Reshape(input));
        tape.Add(loss is null ? new LayerProbe.CotangentNode(tape, x) : loss.Record(tape, x, targets));
        tape.Finish(x);
        (_arena, _gradient, _outputs) = (new Arena(device), device.Allocate(network.Layout.Length), Output.Length);
        _replay = new Replay(tape, network.Layout, _arena);
    }

    /// <summary>What the first layer takes.</summary>
    public Shape Input { get; }

    /// <summary>What the last layer gives.</summary>
    public Shape Output { get; }

    /// <param name="x">One sample of <see cref="Input"/>.</param>
    /// <param name="target">The cotangent [Output], or the loss's target (labels as int32 bits); empty: zeros.</param>
    /// <param name="weights">The network's flat vector.</param>
    public PartResult Run(ReadOnlySpan<float> x, ReadOnlySpan<float> target, View weights)
    {
        var (layout, frame) = (_replay.Layout, _replay.Frame);
        _replay.Prepare(Segments.One(1), weights, _gradient.View);
        (frame.Seed, frame.Step, frame.StepSamples) = (0, 0, 1);
        frame.Metrics = _gradient.View.Part(layout.Metrics.Offset, layout.Metrics.Length);
        _gradient.View.AsSpan().Clear();
        x.CopyTo(_replay.Input.AsSpan());
        frame.SampleIndexes.AsSpan().Clear();
        if (target.Length > 0) target.CopyTo(frame.Target.AsSpan());
        else frame.Target.AsSpan().Clear();
        _replay.Forward();
        _replay.Backward(_gradient.View);
        var (output, gradient, dx) = (new float[_outputs], new float[layout.Length], new float[x.Length]);
        _replay.Output.AsSpan()[.._outputs].CopyTo(output);
        _gradient.Read(0, gradient);
        if (_replay.Tape.Input.Gradient is { } region) frame.Of(region).AsSpan().CopyTo(dx);
        return new PartResult(output, dx, gradient, gradient[layout.Metrics.Offset]);
    }

    public void Dispose()
    {
        _replay.Dispose();
        _arena.Dispose();
        _gradient.Dispose();
    }
}

/// <summary>What a part of a network made of a sample.</summary>
/// <param name="Output">Of its last layer.</param>
/// <param name="InputGradient">Of what is differentiated, by the part's input; zeros where it does not depend on it.</param>
/// <param name="Gradient">By the network's parameters, in the flat vector; zeros outside the part.</param>
/// <param name="Loss">Where one was given.</param>
public sealed record PartResult(float[] Output, float[] InputGradient, float[] Gradient, float Loss);
