using DistTrain.Kernels;
using DistTrain.Learning;

namespace DistTrain.Tests.Learning.Optimizers;

/// <summary>What every optimizer of the catalogue must do, found by reflection.</summary>
public sealed class OptimizerCatalogueTests
{
    private const int Length = 4080 + 37;

    public static TheoryData<string> Names() => new(Catalog.BuiltIn.All<Optimizer>().Select(o => o.Name));

    [Theory, MemberData(nameof(Names))]
    public void Saved_and_loaded_state_gives_an_identical_next_step(string name)
    {
        var device = Components.Devices[^1].Device;
        using var run = new Run(Components.Make<Optimizer>(name), device);
        for (var update = 1; update <= 3; update++) run.Step(update);
        var saved = run.Save();
        run.Step(4);
        using var resumed = new Run(Components.Make<Optimizer>(name), device);
        resumed.Load(saved);
        resumed.Step(4);
        Assert.Equal(run.Save().SelectMany(v => v.Select(BitConverter.SingleToInt32Bits)), resumed.Save().SelectMany(v => v.Select(BitConverter.SingleToInt32Bits)));
    }

    [Theory, MemberData(nameof(Names))]
    public void Every_device_and_every_cut_into_shards_gives_the_same_bits(string name)
    {
        using var whole = new Run(Components.Make<Optimizer>(name), Components.Devices[0].Device);
        for (var update = 1; update <= 3; update++) whole.Step(update);
        foreach (var (body, device) in Components.Devices)
            foreach (var cut in whole.PerTensor || whole.IsWhole ? [Length] : new[] { Length, 4080, 48, 1 }) // rules with a norm of a tensor are never cut: shards keep tensors whole
            {
                using var parts = new Run(Components.Make<Optimizer>(name), device);
                for (var update = 1; update <= 3; update++) parts.Step(update, cut);
                Assert.True(whole.Save().SelectMany(v => v.Select(BitConverter.SingleToInt32Bits)).SequenceEqual(parts.Save().SelectMany(v => v.Select(BitConverter.SingleToInt32Bits))), $"{name} on {body} in parts of {cut} differs");
            }
    }

    [Theory, MemberData(nameof(Names))]
    public void It_finds_the_minimum_of_a_bowl_and_its_rate_is_its_first_option(string name)
    {
        var optimizer = Components.Make<Optimizer>(name);
        var first = Catalog.BuiltIn.Find<Optimizer>(name)!.Options[0];
        if (first.Type != typeof(Optimizer)) Assert.Equal(("lr", optimizer.LearningRate), (first.Name, first.Default)); // a wrapper's rate is that of what it wraps
        Assert.Equal(optimizer.StateCount, optimizer.StateNames.Count);
        using var run = new Run(optimizer, Components.Devices[1].Device);
        var before = run.Distance();
        // Rules that normalize need other rates: adaGrad's steps fade, adaDelta's start tiny, lars takes a thousandth of ‖w‖.
        var (rate, updates) = name switch { "adaGrad" => (0.5, 400), "adaDelta" => (1.0, 3000), "lars" => (1.0, 3000), _ => (0.02, 400) };
        for (var update = 1; update <= updates; update++) run.StepTowards(update, rate);
        Assert.True(run.Distance() < before / 20, $"{name}: ‖w - c‖ went from {before:g3} to {run.Distance():g3}");
    }

    private sealed class Run : IDisposable
    {
        private readonly Optimizer _optimizer;
        private readonly Device _device;
        private readonly DeviceBuffer _weights;
        private readonly DeviceBuffer _gradient;
        private readonly DeviceBuffer _states;
        private readonly float[] _goal = new float[Length];

        public Run(Optimizer optimizer, Device device)
        {
            (_optimizer, _device, _weights, _gradient) = (optimizer, device, device.Allocate(Length), device.Allocate(Length));
            _states = device.Allocate(Math.Max(1, optimizer.StateCount * Length));
            RandomFill.Normal(_weights.View.AsSpan(), 1, 0f, 1f);
            RandomFill.Normal(_goal, 2, 0f, 1f);
        }

        public bool PerTensor => _optimizer.PerTensor;

        public bool IsWhole => _optimizer.NeedsWholeVector;

        public void Step(int update, int cut = Length)
        {
            RandomFill.Normal(_gradient.View.AsSpan(), (ulong)update + 10, 0f, 1f);
            Apply(update, _optimizer.LearningRate, 0.37f, cut);
        }

        public void StepTowards(int update, double rate)
        {
            for (var i = 0; i < Length; i++) _gradient.View.AsSpan()[i] = _weights.View.AsSpan()[i] - _goal[i];
            Apply(update, rate, 1f, Length);
        }

        public double Distance() => Math.Sqrt(Enumerable.Range(0, Length).Sum(i => Math.Pow(_weights.View.AsSpan()[i] - _goal[i], 2)));

        public float[][] Save() => [_weights.View.AsSpan().ToArray(), .. Enumerable.Range(0, _optimizer.StateCount).Select(i => State(i, 0, Length).AsSpan().ToArray())];

        public void Load(float[][] saved)
        {
            _weights.Write(0, saved[0]);
            for (var i = 0; i < _optimizer.StateCount; i++) _states.Write(i * Length, saved[i + 1]);
        }

        public void Dispose()
        {
            foreach (var buffer in new[] { _states, _weights, _gradient }) buffer.Dispose();
        }

        private void Apply(int update, double rate, float coefficient, int cut)
        {
            var room = new float[Optimizer.MaxScalars];
            var scalars = room.AsSpan(0, _optimizer.Scalars(update, rate, room));
            if (IsWhole) _optimizer.ApplyWhole(_device, scalars, coefficient, [(0, 4080), (4080, Length - 4080)], _weights.View, _gradient.View, _states.View);
            for (var start = 0; start < Length && !IsWhole; start += cut)
            {
                var count = Math.Min(cut, Length - start);
                _optimizer.Apply(_device, scalars, coefficient, _weights.View.Part(start, count), _gradient.View.Part(start, count), State(0, start, count), State(1, start, count), State(2, start, count));
            }
        }

        private View State(int index, int start, int count) => index < _optimizer.StateCount ? _states.View.Part(index * Length + start, count) : View.None;
    }
}
