using DistTrain.Kernels;

namespace DistTrain.Tests.Kernels.Dense;

public sealed class LinearTests : IDisposable
{
    private readonly Bodies _bodies = new();

    public void Dispose() => _bodies.Dispose();

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(3, 5, 4)]
    [InlineData(64, 84, 10)]
    [InlineData(64, 400, 120)]
    [InlineData(17, 33, 65)]
    [InlineData(130, 100, 7)]
    [InlineData(1100, 37, 45)]
    [InlineData(700, 70, 13)]
    [InlineData(900, 300, 9)]
    public void Every_body_gives_the_reference_bits(int rows, int inputs, int outputs)
    {
        foreach (var epilogue in new[] { Epilogue.None, Epilogue.Relu })
            foreach (var hasBias in new[] { true, false })
                _bodies.AssertSameBits($"forward {epilogue} {hasBias}", (device, input, output) =>
                    device.Op<ILinear>().Forward(rows, inputs, outputs, input(rows * inputs), input(inputs * outputs), hasBias ? input(outputs) : View.None, output(rows * outputs), epilogue));
        _bodies.AssertSameBits("input gradient", (device, input, output) =>
            device.Op<ILinear>().BackwardInput(rows, inputs, outputs, input(rows * outputs), input(inputs * outputs), output(rows * inputs)));
        foreach (var segments in new[] { Segments.One(rows), new Segments([0, rows / 3, rows / 2, rows]) })
            _bodies.AssertSameBits("weight gradient", (device, input, output) =>
                device.Op<ILinear>().BackwardWeights(segments, 2, inputs, outputs, input(rows * 2 * inputs), input(rows * 2 * outputs), output(inputs * outputs), output(outputs)));
    }

    [Fact]
    public void A_bias_gradient_may_be_absent()
    {
        _bodies.AssertSameBits("weight gradient alone", (device, input, output) =>
            device.Op<ILinear>().BackwardWeights(Segments.One(4), 1, 3, 2, input(12), input(8), output(6), View.None));
    }

    [Fact]
    public void Relu_keeps_not_a_number()
    {
        _bodies.AssertSameBits("relu of NaN", (device, input, output) =>
        {
            var (x, w, y) = (input(6), input(6), output(9));
            x.AsSpan()[2] = float.NaN;
            device.Op<ILinear>().Forward(3, 2, 3, x, w, View.None, y, Epilogue.Relu);
            Assert.True(float.IsNaN(y.AsSpan()[3]));
        });
    }

    [Fact]
    public void A_view_of_the_wrong_length_is_named_with_both_lengths()
    {
        using var device = new CpuDevice(1);
        var failure = Assert.Throws<ArgumentException>(() => device.Op<ILinear>().Forward(2, 3, 4, device.Allocate(6).View, device.Allocate(12).View, device.Allocate(3).View, device.Allocate(8).View, Epilogue.None));
        Assert.StartsWith("linear: bias has 3 elements; it must have 4 elements [4].", failure.Message);
    }
}
