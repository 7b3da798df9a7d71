using DistTrain.Kernels;
using DistTrain.Kernels.Functions;
using DistTrain.Tests.Kernels.Devices;

namespace DistTrain.Tests.Kernels;

[Collection(MeasuresTheWholeProcess.Name)]
public sealed class SteadyStateTests
{
    /// <summary>Each op once to compile and to grow its scratch, then many times with nothing allocated on any thread.</summary>
    [Theory]
    [InlineData(InstructionSet.Vector256)]
    [InlineData(InstructionSet.Vector512)]
    public void Ops_allocate_nothing_after_their_first_call(InstructionSet body)
    {
        using var device = new CpuDevice(2, body);
        var (segments, elements) = (new Segments([0, 16, 32]), 32 * 4 * 28 * 28);
        var (a, b, c, d) = (device.View(EveryBody.Normal(1, elements)), device.Unset(elements), device.Unset(elements), device.Unset(elements));
        var (labels, metrics, small) = (device.View(new int[32]), device.View([0f, 0f]), device.Unset(1 << 16));
        var pool = new Pool2dShape(4, 28, 28, 2, 2, 2, 2);
        var out1 = 32 * pool.OutputLength;
        int[] starts = [0, 4096];
        int[] lengths = [4096, 4096];
        var squares = new double[2];
        var (vector, relu, dropout) = (device.Op<IVector>(), device.Op<IElementwise<Relu>>(), device.Op<IDropout>());
        var (max, average, norm) = (device.Op<IMaxPool2d>(), device.Op<IAveragePool2d>(), device.Op<IBatchNorm>());
        var (entropy, squared, blocks, fold) = (device.Op<ISoftmaxCrossEntropy>(), device.Op<IMeanSquaredError>(), device.Op<IBlockNorm>(), device.Op<ITreeFold>());
        var lstm = device.Op<ILstm>();
        var shape = new LstmShape(Steps: 4, Inputs: 8, Hidden: 16);
        var (gates, steps) = (small.Part(0, 32 * 4 * 64), small.Part(32 * 4 * 64, 32 * 4 * 16));
        void Step()
        {
            vector.AddScaled(0.1f, a, b);
            relu.Forward(default, a, b);
            relu.Backward(default, a, b, a, c);
            dropout.Apply(1, 0.5f, elements / 32, labels, a, b);
            max.Forward(pool, 32, a, b.Part(0, out1), c.Part(0, out1));
            max.Backward(pool, 32, b.Part(0, out1), c.Part(0, out1), d);
            average.Forward(pool, 32, a, b.Part(0, out1));
            norm.Forward(segments, 4, 784, 1e-5f, a, small.Part(0, 4), small.Part(4, 4), b, small.Part(8, 8), small.Part(16, 8), small.Part(24, 12));
            norm.Backward(segments, 4, 784, a, small.Part(0, 4), small.Part(8, 8), small.Part(16, 8), a, b, small.Part(40, 4), small.Part(44, 4));
            entropy.Forward(segments, 1, 10, a.Part(0, 320), labels, 1, 0.1f, b.Part(0, 320), metrics);
            entropy.Forward(segments, 1, 100, a.Part(0, 3200), labels, 1, 0.1f, b.Part(0, 3200), metrics);
            squared.Forward(segments, 100, a.Part(0, 3200), a.Part(3200, 3200), 1, b.Part(0, 3200), metrics);
            blocks.SumOfSquares(a, starts, lengths, squares);
            fold.Sum(b, a);
            lstm.Forward(shape, 32, a.Part(0, 1024), a.Part(0, 512), a.Part(0, 1024), a.Part(0, 64), a.Part(0, 64), View.None, View.None, b.Part(0, 2048), gates, steps);
            lstm.Backward(shape, segments, a.Part(0, 1024), a.Part(0, 512), a.Part(0, 1024), View.None, View.None, b.Part(0, 2048), gates, steps,
                a.Part(0, 2048), c.Part(0, 8192), d.Part(0, 1024), d.Part(1024, 512), d.Part(2048, 1024), d.Part(4096, 64), d.Part(4200, 64));
            _ = Digest.Of(a.AsSpan());
        }

        for (var i = 0; i < 3; i++) Step();
        // The test runner's own threads allocate now and then; what a step allocates shows in every round.
        var least = long.MaxValue;
        for (var round = 0; round < 20 && least > 0; round++)
        {
            var before = GC.GetTotalAllocatedBytes(precise: true);
            Step();
            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }
        Assert.Equal(0, least);
    }
}
