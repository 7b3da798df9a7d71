using DistTrain.Kernels;

namespace DistTrain.Gpu.Tests;

/// <summary>The tile of 8 x 8 outputs a thread, which groups of 16 threads cannot run.</summary>
public sealed class LargeTileTests
{
    [Fact]
    public void Large_tiles_give_the_reference_bits()
    {
        using var device = GpuDevice.Simulator(64);
        using var reference = new CpuDevice(1, InstructionSet.Scalar);
        var shape = new Conv2dShape(2, 12, 11, 3, 3, 3, 1, 2, 1, 0);
        OpCase[] cases =
        [
            .. from a in new[] { false, true } from b in new[] { false, true }
               select new OpCase($"matMul{a}{b}", o => o.Device.Op<IMatMul>().Multiply(new MatMulShape(70, 130, 11, a, b), o.In(70 * 11), o.In(11 * 130), o.Out(70 * 130))),
            new("linear", o => o.Device.Op<ILinear>().Forward(65, 9, 66, o.In(65 * 9), o.In(66 * 9), o.In(66), o.Out(65 * 66), Epilogue.Relu)),
            new("segments", o => o.Device.Op<IMatMul>().MultiplySegments(new Segments([0, 3, 4, 9]), 2, 66, 65, o.In(18 * 66), o.In(18 * 65), o.Out(66 * 65))),
            new("forward", o => o.Device.Op<IConv2d>().Forward(shape, 3, o.In(3 * shape.InputLength), o.In(shape.WeightLength), o.In(3), o.Out(3 * shape.OutputLength), Epilogue.None)),
            new("input gradient", o => o.Device.Op<IConv2d>().BackwardInput(shape, 3, o.In(3 * shape.OutputLength), o.In(shape.WeightLength), o.Out(3 * shape.InputLength))),
            new("weight gradients", o => o.Device.Op<IConv2d>().BackwardWeights(shape, new Segments([0, 1, 3]), o.In(3 * shape.InputLength), o.In(3 * shape.OutputLength), o.Out(shape.WeightLength), o.Out(3))),
        ];
        foreach (var one in cases)
        {
            var difference = OpCase.Difference(one.Run(reference), one.Run(device), out _);
            Assert.True(difference is null, $"{one.Name}: {difference}");
        }
    }
}
