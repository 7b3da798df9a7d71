using DistTrain.Kernels;

namespace DistTrain.Gpu.Tests;

/// <summary>Convolutions and pooling: strides, padding, dilation, groups, windows that overlap or reach over the edge.</summary>
internal static class ConvolutionCases
{
    private static readonly Segments Three = new([0, 1, 1, 2, 3]);

    public static IEnumerable<OpCase> All(int size)
    {
        Conv2dShape[] shapes =
        [
            new(1, 8, 8, 3, 5, 5, PaddingY: 2, PaddingX: 2),
            new(3, 6, 7, 4, 3, 3),
            new(2, 7, 9, 3, 3, 3, 2, 2, 1, 1),
            new(2, 6, 5, 3, 1, 1),
            new(4, 6, 6, 6, 3, 3, 1, 1, 1, 1, 1, 1, 2),
            new(2, 9, 8, 2, 3, 2, 1, 1, 2, 1, 2, 3),
            new(3, 7, 7, 3, 3, 3, 2, 1, 1, 0, 1, 1, 3),
            new(2, 2 * size, 2 * size, 5, 3, 3, 1, 1, 1, 1),
        ];
        foreach (var s in shapes)
        {
            const int samples = 3;
            yield return new($"{s} forward", o => o.Device.Op<IConv2d>().Forward(s, samples, o.In(samples * s.InputLength), o.In(s.WeightLength), o.In(s.Outputs), o.Out(samples * s.OutputLength), Epilogue.Relu));
            yield return new($"{s} input gradient", o => o.Device.Op<IConv2d>().BackwardInput(s, samples, o.In(samples * s.OutputLength), o.In(s.WeightLength), o.Out(samples * s.InputLength)));
            yield return new($"{s} weight gradients", o => o.Device.Op<IConv2d>().BackwardWeights(s, Three, o.In(samples * s.InputLength), o.In(samples * s.OutputLength), o.Out(s.WeightLength), o.Out(s.Outputs)));
        }
        var wide = new Conv2dShape(1, 26, 27, 2, 2, 2);
        yield return new("conv2d, weight gradients of several chunks", o =>
            o.Device.Op<IConv2d>().BackwardWeights(wide, Segments.One(2), o.In(2 * wide.InputLength), o.In(2 * wide.OutputLength), o.Out(wide.WeightLength), o.Out(wide.Outputs)));
        yield return new("conv2d without bias", o =>
            o.Device.Op<IConv2d>().Forward(shapes[1], 1, o.In(shapes[1].InputLength), o.In(shapes[1].WeightLength), View.None, o.Out(shapes[1].OutputLength), Epilogue.None));

        Pool2dShape[] pools = [new(2, 6, 6, 2, 2, 2, 2), new(2, 7, 5, 3, 3, 2, 2, 1, 1), new(1, 6, 7, 3, 2, 1, 2, 1, 0), new(1, 5, 5, 2, 2, 3, 3), new(3, size, size, 2, 2, 2, 2)];
        foreach (var p in pools)
        {
            yield return new($"max {p}", o => o.Device.Op<IMaxPool2d>().Forward(p, 2, o.In(2 * p.InputLength), o.Out(2 * p.OutputLength), o.Out(2 * p.OutputLength)));
            yield return new($"max {p} backward", o =>
            {
                var (x, y, argmax) = (o.In(2 * p.InputLength), o.In(2 * p.OutputLength), o.In(2 * p.OutputLength));
                o.Device.Op<IMaxPool2d>().Forward(p, 2, x, y, argmax);
                o.Device.Op<IMaxPool2d>().Backward(p, 2, o.In(2 * p.OutputLength), argmax, o.Out(2 * p.InputLength));
            });
            yield return new($"average {p}", o => o.Device.Op<IAveragePool2d>().Forward(p, 2, o.In(2 * p.InputLength), o.Out(2 * p.OutputLength)));
            yield return new($"average {p} backward", o => o.Device.Op<IAveragePool2d>().Backward(p, 2, o.In(2 * p.OutputLength), o.Out(2 * p.InputLength)));
            var inside = p with { CountPadding = false };
            yield return new($"average {inside}", o => o.Device.Op<IAveragePool2d>().Forward(inside, 2, o.In(2 * p.InputLength), o.Out(2 * p.OutputLength)));
            yield return new($"average {inside} backward", o => o.Device.Op<IAveragePool2d>().Backward(inside, 2, o.In(2 * p.OutputLength), o.Out(2 * p.InputLength)));
        }
        yield return new("max pooling: ties take the lowest index, NaN wins", o =>
            o.Device.Op<IMaxPool2d>().Forward(new(1, 2, 6, 2, 2, 2, 2), 1, o.Put([1, 1, 5, float.NaN, -1, -2, 1, 1, float.NaN, 6, -0f, 0f]), o.Out(3), o.Out(3)));
    }
}
