using DistTrain.Kernels;
using DistTrain.Learning;
using DistTrain.Protocol;
using DistTrain.Training;

namespace DistTrain.Tests.Training;

public sealed class ShardMemoryTests : IDisposable
{
    private static readonly ParameterLayout _layout = new([("a", new Shape(5000), SliceKind.Parameter), ("m", new Shape(2, 3), SliceKind.Moments), ("b", new Shape(7), SliceKind.Parameter)]);
    private readonly CpuDevice _device = new(1);
    private readonly Momentum _momentum = new(new(Lr: 0.5, Mu: 0.9));
    private readonly DeviceBuffer _weights;
    private readonly DeviceBuffer _gradient;

    public ShardMemoryTests() => (_weights, _gradient) = (_device.Allocate(_layout.Length), _device.Allocate(_layout.Length));

    public void Dispose()
    {
        _weights.Dispose();
        _gradient.Dispose();
        _device.Dispose();
    }

    [Fact]
    public void Slices_fold_as_their_kind_says()
    {
        using var other = _device.Allocate(_layout.Length);
        using var memory = Whole();
        var left = _gradient.View.AsSpan();
        var right = other.View.AsSpan();
        (left[0], right[0]) = (1, 2);
        // Channel 0: values {1, 3} and {5}: counts 2 and 1, means 2 and 5, M2 2 and 0. Together {1, 3, 5}: count 3, mean 3, M2 8.
        float[] two = [2, 2, 2], one = [1, 5, 0];
        var moments = _layout.Slices[1].Offset;
        two.CopyTo(left[moments..]);
        one.CopyTo(right[moments..]);
        var metrics = _layout.Metrics.Offset;
        (left[metrics + 1], right[metrics + 1]) = (3, 4);
        memory.Fold(_device, _gradient.View, other.View);
        Assert.Equal(3, left[0]);
        Assert.Equal([3f, 3f, 8f, 0f, 0f, 0f], left.Slice(moments, 6).ToArray());
        Assert.Equal(7, left[metrics + 1]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void Squares_are_counted_by_block_and_only_for_parameters(int shards)
    {
        var gradient = _gradient.View.AsSpan();
        gradient.Fill(2);
        (gradient[_layout.Metrics.Offset], gradient[_layout.Metrics.Offset + 1]) = (0.25f, 9);
        var (squares, figures) = (new List<double>(), new ReducedFigures());
        foreach (var range in _layout.Split(shards))
        {
            using var memory = new ShardMemory(_layout, range, _momentum, _device, _weights.View);
            memory.Reduce(_device, _gradient.View.Part(range.Offset, range.Length), figures);
            squares.AddRange(figures.Squares);
        }
        Assert.Equal([4.0 * 4080, 4.0 * 920, 0, 28, 0], squares);
        Assert.Equal((true, 0.25, 9), (figures.HasLoss, figures.Loss, figures.Correct));
    }

    [Fact]
    public void A_step_moves_parameters_by_the_rule_and_moments_by_their_average()
    {
        using var memory = Whole();
        var gradient = _gradient.View.AsSpan();
        gradient[3] = 4;
        var moments = _layout.Slices[1].Offset;
        float[] batch = [3, 10, 4];
        batch.CopyTo(gradient[moments..]);
        memory.Apply(_device, 1, 0.5, [0.5f, 0.9f, 1f], 0.5f, _gradient.View);
        var weights = _weights.View.AsSpan();
        Assert.Equal(-1, weights[3]);
        Assert.Equal(2, memory.States.AsSpan()[3]);
        Assert.Equal(1, weights[moments]);
        Assert.Equal(1f, weights[moments + 1], 5);
        Assert.Equal(0.2f, weights[moments + 2], 5);
        Assert.Equal(0, weights[moments + 3]);
        Assert.Equal(0, weights[_layout.Metrics.Offset]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_snapshot_is_of_the_moment_it_began_whoever_copies_it(bool stepFirst)
    {
        using var memory = Whole();
        _gradient.View.AsSpan()[..5000].Fill(1);
        memory.Apply(_device, 1, 0.5, [0.5f, 0.9f, 1f], 1, _gradient.View);
        memory.BeginSnapshot();
        if (stepFirst) memory.Apply(_device, 1, 0.5, [0.5f, 0.9f, 1f], 1, _gradient.View);
        var snapshot = memory.Snapshot();
        if (!stepFirst) memory.Apply(_device, 1, 0.5, [0.5f, 0.9f, 1f], 1, _gradient.View);
        Assert.Equal(2 * _layout.Length, snapshot.Length);
        Assert.Equal((-0.5f, 1f), (snapshot[4999], snapshot[_layout.Length + 4999]));
        Assert.Equal(-1.45f, _weights.View.AsSpan()[4999], 5);
    }

    private ShardMemory Whole() => new(_layout, _layout.Split(1)[0], _momentum, _device, _weights.View);
}
