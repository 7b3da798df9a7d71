using DistTrain.Kernels;
using DistTrain.Tests.Kernels.Dense;

namespace DistTrain.Tests.Kernels.Convolution;

public sealed class Conv2dTests : IDisposable
{
    private readonly Bodies _bodies = new();

    public void Dispose() => _bodies.Dispose();

    public static TheoryData<Conv2dShape, int> Shapes => new()
    {
        { new(1, 1, 1, 1, 1, 1), 1 },
        { new(1, 28, 28, 6, 5, 5, PaddingY: 2, PaddingX: 2), 3 },
        { new(6, 14, 14, 16, 5, 5), 4 },
        { new(3, 9, 7, 13, 3, 3, PaddingY: 1, PaddingX: 1), 5 },
        { new(5, 8, 8, 7, 1, 1), 3 },
        { new(4, 8, 9, 6, 1, 1, 2, 2), 3 },
        { new(3, 11, 13, 5, 3, 3, 2, 2, 1, 1), 3 },
        { new(2, 10, 12, 3, 4, 2, 3, 1, 1, 0), 2 },
        { new(2, 12, 11, 5, 3, 3, 1, 1, 2, 2, 2, 2), 3 },
        { new(2, 14, 15, 5, 3, 2, 2, 3, 2, 1, 2, 3), 2 },
        { new(4, 7, 7, 6, 3, 3, 1, 1, 1, 1, 1, 1, 2), 3 },
        { new(6, 9, 9, 6, 3, 3, 2, 2, 1, 1, 1, 1, 6), 3 },
        { new(4, 6, 6, 8, 3, 3, 1, 1, 1, 1, 1, 1, 4), 2 },
        { new(1, 23, 23, 2, 11, 11, 4, 4, 2, 2), 2 },
        { new(2, 4, 4, 3, 3, 3, 1, 1, 4, 5), 2 },
        { new(1, 40, 41, 2, 9, 3, 1, 1, 4, 1), 2 },
        { new(130, 5, 5, 9, 2, 2), 2 },
        // Winograd: even and odd sides, no padding and all of it, several strips, a sample's tiles across strips, more rows than one register tile, one tile only.
        { new(16, 8, 8, 16, 3, 3, 1, 1, 1, 1), 3 },
        { new(17, 32, 34, 29, 3, 3, 1, 1, 1, 1), 2 },
        { new(20, 11, 13, 37, 3, 3), 3 },
        { new(24, 10, 30, 16, 3, 3, 1, 1, 2, 2), 2 },
        { new(33, 7, 28, 18, 3, 3, 1, 1, 0, 1), 5 },
        { new(70, 2, 2, 50, 3, 3, 1, 1, 1, 1), 37 },
        { new(16, 2, 2, 16, 3, 3, 1, 1, 1, 1), 1 },
        { new(16, 6, 70, 16, 3, 3, 1, 1, 1, 2), 1 },
        // Depthwise: whole blocks of sixteen channels and a rest, strides, dilation, windows past the image, several chunks of rows.
        { new(16, 8, 8, 16, 3, 3, 1, 1, 1, 1, 1, 1, 16), 3 },
        { new(19, 9, 10, 19, 3, 3, 2, 2, 1, 1, 1, 1, 19), 4 },
        { new(33, 11, 7, 33, 5, 5, 1, 1, 2, 2, 1, 1, 33), 2 },
        { new(8, 30, 31, 8, 3, 2, 3, 2, 2, 0, 1, 2, 8), 3 },
        { new(17, 3, 4, 17, 3, 3, 2, 3, 4, 5, 2, 2, 17), 5 },
        { new(40, 26, 26, 40, 7, 7, 4, 4, 3, 3, 1, 1, 40), 2 },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Every_body_gives_the_reference_bits(Conv2dShape shape, int samples)
    {
        foreach (var (epilogue, hasBias) in new[] { (Epilogue.None, false), (Epilogue.Relu, true), (Epilogue.None, true) })
            _bodies.AssertSameBits($"forward {epilogue} {hasBias}", (device, input, output) =>
                device.Op<IConv2d>().Forward(shape, samples, input(samples * shape.InputLength), input(shape.WeightLength), hasBias ? input(shape.Outputs) : View.None, output(samples * shape.OutputLength), epilogue));
        _bodies.AssertSameBits("input gradient", (device, input, output) =>
            device.Op<IConv2d>().BackwardInput(shape, samples, input(samples * shape.OutputLength), input(shape.WeightLength), output(samples * shape.InputLength)));
        foreach (var segments in new[] { Segments.One(samples), new Segments([.. Enumerable.Range(0, samples + 1)]), new Segments([0, samples / 2, samples / 2, samples]) })
            _bodies.AssertSameBits($"weight gradient of {segments.Count} segments", (device, input, output) =>
                device.Op<IConv2d>().BackwardWeights(shape, segments, input(samples * shape.InputLength), input(samples * shape.OutputLength), output(shape.WeightLength), output(shape.Outputs)));
    }

    [Fact]
    public void Aligned_nodes_summed_by_the_tree_are_the_whole_batch()
    {
        var shape = new Conv2dShape(2, 9, 9, 5, 3, 3, PaddingY: 1, PaddingX: 1);
        const int segmentSamples = 7;
        using var device = new CpuDevice(2);
        for (var count = 2; count <= 6; count++)
        {
            var x = Bodies.On(device, Bodies.Values(1, count * segmentSamples * shape.InputLength));
            var dy = Bodies.On(device, Bodies.Values(2, count * segmentSamples * shape.OutputLength));
            var whole = Sum(0, count);
            foreach (var split in MatMulTests.AlignedSplits(0, count)) Bodies.AssertBits($"{count} segments as {split}", whole, Fold(split));

            float[] Sum(int first, int length)
            {
                var segments = new Segments([.. Enumerable.Range(0, length + 1).Select(i => i * segmentSamples)]);
                var (dw, dBias) = (device.Allocate(shape.WeightLength).View, device.Allocate(shape.Outputs).View);
                device.Op<IConv2d>().BackwardWeights(shape, segments,
                    x.Part(first * segmentSamples * shape.InputLength, length * segmentSamples * shape.InputLength), dy.Part(first * segmentSamples * shape.OutputLength, length * segmentSamples * shape.OutputLength), dw, dBias);
                return [.. dw.AsSpan(), .. dBias.AsSpan()];
            }

            float[] Fold(MatMulTests.Node node)
            {
                if (node.Left is null) return Sum(node.First, node.Count);
                var (left, right) = (Fold(node.Left), Fold(node.Right!));
                for (var i = 0; i < left.Length; i++) left[i] += right[i];
                return left;
            }
        }
    }

    [Fact]
    public void A_shape_that_does_not_fit_is_named()
    {
        using var device = new CpuDevice(1);
        var view = device.Allocate(1).View;
        var conv = device.Op<IConv2d>();
        Assert.StartsWith("conv2d: 3 channels and 4 outputs in 2 groups; the groups must divide both.",
            Assert.Throws<ArgumentException>(() => conv.Forward(new Conv2dShape(3, 5, 5, 4, 3, 3, Groups: 2), 1, view, view, view, view, Epilogue.None)).Message);
        Assert.StartsWith("conv2d: the kernel spans 7 x 7, the padded input only 5 x 5; use a smaller kernel or more padding.",
            Assert.Throws<ArgumentException>(() => conv.Forward(new Conv2dShape(1, 5, 5, 1, 7, 7), 1, view, view, view, view, Epilogue.None)).Message);
        Assert.StartsWith("conv2d, gradient of the input: dy has 1 elements; it must have 9 elements [1, 1, 3, 3].",
            Assert.Throws<ArgumentException>(() => conv.BackwardInput(new Conv2dShape(1, 5, 5, 1, 3, 3), 1, view, view, view)).Message);
    }
}
