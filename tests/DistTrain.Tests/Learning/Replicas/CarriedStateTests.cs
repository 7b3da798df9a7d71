using DistTrain.Kernels;
using DistTrain.Learning;

namespace DistTrain.Tests.Learning.Replicas;

/// <summary>State that goes on from step to step: what it starts from, that it is worth something, and that gradients end at the window.</summary>
public sealed class CarriedStateTests
{
    private const int Lanes = 4;
    private const int Length = 5;
    private static readonly ushort[] _text = [.. Enumerable.Range(0, Lanes * (3 * Length) + 1).Select(i => (ushort)((i * i + i / 4) % 6))];
    private static readonly Tokens _tokens = new("abcdef".EnumerateRunes());
    private static readonly DatasetIdentity _identity = new("text", _text.Length, "0");

    private static Layer Cell(string name) => name switch { "rnn" => new Rnn(new(7, 2)), "gru" => new Gru(new(7, 2)), _ => new Lstm(new(7, 2)) };

    private static Network Net(string cell, Dataset data) => new(new Sequential(new Embedding(new(6, 3)), Cell(cell), new Linear(new(6))), data.InputShape, data.Lanes);

    [Theory]
    [InlineData("rnn")]
    [InlineData("gru")]
    [InlineData("lstm")]
    public void Windows_that_carry_their_state_read_as_the_whole_lane_does(string cell)
    {
        var data = new AdjacentText(_text, _tokens, Length, _identity, Lanes);
        Assert.Equal(3 * Lanes, data.Count);
        var network = Net(cell, data);
        using var device = new CpuDevice(1);
        using var replica = new Replica(network, new CrossEntropy(new()), device, data);
        using var weights = device.Allocate(network.Layout.Length);
        using var gradient = device.Allocate(network.Layout.Length);
        weights.Write(0, network.Initialize(3));
        var sum = 0.0;
        for (var step = 0; step < 3; step++)
        {
            replica.Gradient(new Pass(3, step, Lanes, new Segments([0, 2, 4]), [4 * step, 4 * step + 1, 4 * step + 2, 4 * step + 3]), weights.View, gradient.View);
            sum += gradient.View.Part(network.Layout.Metrics.Offset, 1).AsSpan()[0];
            foreach (var slice in network.Layout.Slices.Where(s => s.Kind == SliceKind.Carried))
                gradient.View.Part(slice.Offset, slice.Length).AsSpan().CopyTo(weights.View.Part(slice.Offset, slice.Length).AsSpan());
        }
        var whole = new AdjacentText(_text, _tokens, 3 * Length, _identity, Lanes);
        var long_ = Net(cell, whole);
        using var reader = new Replica(long_, new CrossEntropy(new()), device, whole);
        var evaluation = reader.Evaluate(whole, [0, 1, 2, 3], weights.View);
        Assert.Equal(evaluation.Loss / Lanes, sum / 3, 5e-6);
    }

    [Theory]
    [InlineData("rnn")]
    [InlineData("gru")]
    [InlineData("lstm")]
    public void Gradients_are_those_of_the_window_alone_from_the_state_it_starts_in(string cell)
    {
        var data = new AdjacentText(_text, _tokens, Length, _identity, Lanes);
        var network = Net(cell, data);
        using var device = new CpuDevice(1);
        using var replica = new Replica(network, new CrossEntropy(new()), device, data);
        using var weights = device.Allocate(network.Layout.Length);
        using var gradient = device.Allocate(network.Layout.Length);
        var values = network.Initialize(5);
        foreach (var slice in network.Layout.Slices.Where(s => s.Kind == SliceKind.Carried))
            for (var i = 0; i < slice.Length; i++) values[slice.Offset + i] = 0.3f - i % 7 * 0.1f;
        var analytic = new float[values.Length];
        Loss(values);
        gradient.Read(0, analytic);
        foreach (var slice in network.Layout.Slices.Where(s => s.Kind == SliceKind.Parameter))
            for (var i = 0; i < slice.Length; i += Math.Max(1, slice.Length / 9))
            {
                var (at, kept) = (slice.Offset + i, values[slice.Offset + i]);
                values[at] = kept + 1e-2f;
                var up = Loss(values);
                values[at] = kept - 1e-2f;
                var down = Loss(values);
                values[at] = kept;
                Assert.True(Math.Abs((up - down) / 2e-2 - analytic[at]) < 4e-4 + 0.01 * Math.Abs(analytic[at]), $"{slice.Name}[{i}]: {analytic[at]} and by differences {(up - down) / 2e-2}");
            }

        double Loss(float[] at)
        {
            weights.Write(0, at);
            replica.Gradient(new Pass(3, 1, Lanes, Segments.One(Lanes), [4, 5, 6, 7]), weights.View, gradient.View);
            return gradient.View.Part(network.Layout.Metrics.Offset, 1).AsSpan()[0];
        }
    }

    [Fact]
    public void The_first_step_of_an_epoch_starts_at_zero_whatever_was_carried()
    {
        var data = new AdjacentText(_text, _tokens, Length, _identity, Lanes);
        var network = Net("lstm", data);
        using var device = new CpuDevice(1);
        using var replica = new Replica(network, new CrossEntropy(new()), device, data);
        using var weights = device.Allocate(network.Layout.Length);
        using var gradient = device.Allocate(network.Layout.Length);
        var values = network.Initialize(5);
        var losses = new List<float>();
        foreach (var carried in new[] { 0f, 0.9f })
            foreach (var samples in new int[][] { [0, 1, 2, 3], [4, 5, 6, 7] })
            {
                foreach (var slice in network.Layout.Slices.Where(s => s.Kind == SliceKind.Carried)) values.AsSpan(slice.Offset, slice.Length).Fill(carried);
                weights.Write(0, values);
                replica.Gradient(new Pass(3, 1, Lanes, Segments.One(Lanes), samples), weights.View, gradient.View);
                losses.Add(gradient.View.Part(network.Layout.Metrics.Offset, 1).AsSpan()[0]);
            }
        Assert.Equal(losses[0], losses[2]);
        Assert.NotEqual(losses[1], losses[3]);
    }

    [Fact]
    public void A_net_that_reads_both_ways_is_refused_by_name()
    {
        var data = new AdjacentText(_text, _tokens, Length, _identity, Lanes);
        var refused = Assert.Throws<ShapeException>(() => new Network(new Sequential(new Embedding(new(6, 3)), new Lstm(new(4) { Bidirectional = true })), data.InputShape, data.Lanes));
        Assert.Contains("carries no state", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_text_too_short_for_the_lanes_says_how_many_it_has_room_for()
    {
        var short_ = Assert.Throws<DatasetException>(() => new AdjacentText(_text, _tokens, Length, _identity).ForBatches(13));
        Assert.Contains("enough for 12 lanes", short_.Message, StringComparison.Ordinal);
    }
}
