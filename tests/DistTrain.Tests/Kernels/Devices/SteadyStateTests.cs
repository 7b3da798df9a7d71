using DistTrain.Kernels;

namespace DistTrain.Tests.Kernels.Devices;

[Collection(MeasuresTheWholeProcess.Name)]
public sealed class SteadyStateTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Dense_and_convolution_allocate_nothing_once_warm(int threads)
    {
        using var device = new CpuDevice(threads);
        const int samples = 32;
        var shape = new Conv2dShape(6, 14, 14, 16, 5, 5);
        var segments = new Segments([0, 8, 16, 24, 32]);
        var (conv, linear, matMul) = (device.Op<IConv2d>(), device.Op<ILinear>(), device.Op<IMatMul>());
        var (x, w, b, y) = (device.Allocate(samples * shape.InputLength), device.Allocate(shape.WeightLength), device.Allocate(16), device.Allocate(samples * shape.OutputLength));
        var (dx, dw, db) = (device.Allocate(x.Length), device.Allocate(w.Length), device.Allocate(16));
        var (lw, ly, ldw) = (device.Allocate(1600 * 10), device.Allocate(samples * 10), device.Allocate(1600 * 10));
        for (var i = 0; i < 5; i++) Step();
        // The test platform's own threads may write a line meanwhile: an op that allocates does so in every one of the five measurements.
        var least = long.MaxValue;
        for (var repeat = 0; repeat < 5; repeat++)
        {
            var before = GC.GetTotalAllocatedBytes(precise: true);
            for (var i = 0; i < 50; i++) Step();
            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }
        Assert.InRange(least, 0, 1000);

        void Step()
        {
            conv.Forward(shape, samples, x.View, w.View, b.View, y.View, Epilogue.Relu);
            linear.Forward(samples, 1600, 10, y.View, lw.View, View.None, ly.View, Epilogue.None);
            linear.BackwardWeights(segments, 1, 1600, 10, y.View, ly.View, ldw.View, db.View.Part(0, 10));
            linear.BackwardInput(samples, 1600, 10, ly.View, lw.View, y.View);
            conv.BackwardWeights(shape, segments, x.View, y.View, dw.View, db.View);
            conv.BackwardInput(shape, samples, y.View, w.View, dx.View);
            matMul.Multiply(new MatMulShape(samples, 16, 16), x.View.Part(0, samples * 16), w.View.Part(0, 256), y.View.Part(0, samples * 16));
        }
    }
}
