using DistTrain.Kernels;
using DistTrain.Learning;

namespace DistTrain.Tests.Learning.Replicas;

/// <summary>The smallest training loop: gradient, rule, next samples in order.</summary>
internal sealed class Trainer : IDisposable
{
    private readonly Optimizer _optimizer;
    private readonly Device _device;
    private readonly Dataset _data;
    private readonly double _rate;
    private readonly DeviceBuffer[] _states;
    private readonly float[] _scalars = new float[Optimizer.MaxScalars];
    private readonly float[] _loss = new float[1];
    private readonly Slice[] _trained;
    private readonly Dictionary<(int, int), Segments> _segments = [];
    private readonly Dictionary<int, int[]> _indexes = [];

    public Trainer(Network network, string optimizer, double rate, Device device, Dataset data)
    {
        (_optimizer, _rate, _device, _data) = (Components.Make<Optimizer>(optimizer), rate, device, data);
        Replica = new Replica(network, new CrossEntropy(new()), device, data);
        (Weights, Gradient) = (device.Allocate(network.Layout.Length), device.Allocate(network.Layout.Length));
        _states = [.. Enumerable.Range(0, _optimizer.StateCount).Select(_ => device.Allocate(network.Layout.Length))];
        _trained = [.. network.Layout.Slices.Where(s => s.Kind == SliceKind.Parameter)];
        Weights.Write(0, network.Initialize(1));
    }

    public Replica Replica { get; }

    public DeviceBuffer Weights { get; }

    public DeviceBuffer Gradient { get; }

    /// <returns>The step's mean loss before the update.</returns>
    public float Step(int step, int samples, int microBatches, bool apply = true)
    {
        if (!_indexes.TryGetValue(samples, out var indexes)) _indexes[samples] = indexes = new int[samples];
        for (var i = 0; i < samples; i++) indexes[i] = (step * samples + i) % _data.Count;
        if (!_segments.TryGetValue((samples, microBatches), out var segments))
            _segments[(samples, microBatches)] = segments = Cut(samples, microBatches);
        Replica.Gradient(new Pass(1, step, samples, segments, indexes), Weights.View, Gradient.View);
        Gradient.Read(Replica.Layout.Metrics.Offset, _loss);
        if (!apply) return _loss[0];
        var scalars = _scalars.AsSpan(0, _optimizer.Scalars(step + 1, _rate, _scalars));
        foreach (var slice in _trained)
            _optimizer.Apply(_device, scalars, 1f, Weights.View.Part(slice.Offset, slice.Length), Gradient.View.Part(slice.Offset, slice.Length), State(0, slice), State(1, slice), State(2, slice));
        return _loss[0];
    }

    public void Dispose()
    {
        Replica.Dispose();
        foreach (var buffer in _states.Append(Weights).Append(Gradient)) buffer.Dispose();
    }

    private static Segments Cut(int samples, int microBatches) => new([.. Enumerable.Range(0, microBatches + 1).Select(i => i * samples / microBatches)]);

    private View State(int index, Slice slice) => index < _states.Length ? _states[index].View.Part(slice.Offset, slice.Length) : View.None;
}
