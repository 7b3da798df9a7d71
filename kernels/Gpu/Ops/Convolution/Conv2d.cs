using ILGPU;

namespace DistTrain.Kernels;

/// <summary>IConv2d on an accelerator: three tile products that read the patches where they lie (implicit GEMM).</summary>
public sealed class Conv2dGpu(GpuDevice device) : IConv2d
{
    private readonly ProductKernel<ForwardProduct> _forward = new(device);
    private readonly ProductKernel<BackwardInputProduct> _backwardInput = new(device);
    private readonly ProductKernel<BackwardWeightsProduct> _backwardWeights = new(device);
    private readonly GpuKernel<BiasArguments> _bias = new(device, BiasKernel);
    private readonly SegmentSums _sums = new(device);
    private readonly Dictionary<Conv2dShape, GpuBuffer> _tables = [];

    /// <summary>Dy [N, Outputs, Positions]; Sums [segments, Outputs], overwritten.</summary>
    public readonly record struct BiasArguments(SegmentTable Segments, ArrayView<float> Dy, ArrayView<float> Sums, int Outputs, int Positions);

    public void Forward(in Conv2dShape shape, int samples, View x, View w, View bias, View y, Epilogue epilogue)
    {
        shape.CheckForward(samples, x, w, bias, y);
        _forward.Run(new(Geometry(shape), GpuBuffer.Of(x), GpuBuffer.Of(w), GpuBuffer.Of(bias), GpuBuffer.Of(y),
            samples * shape.OutY * shape.OutX, bias.IsNone ? 0 : 1, epilogue == Epilogue.Relu ? 1 : 0), shape.Groups);
    }

    public void BackwardInput(in Conv2dShape shape, int samples, View dy, View w, View dx)
    {
        shape.CheckBackwardInput(samples, dy, w, dx);
        _backwardInput.Run(new(Geometry(shape), GpuBuffer.Of(dy), GpuBuffer.Of(w), GpuBuffer.Of(dx), samples * shape.Height * shape.Width), shape.Groups);
    }

    public void BackwardWeights(in Conv2dShape shape, Segments segments, View x, View dy, View dw, View dBias)
    {
        shape.CheckBackwardWeights(segments, x, dy, dw, dBias);
        var geometry = Geometry(shape);
        var plan = _sums.Begin(segments, geometry.Positions, shape.WeightLength);
        for (var wave = 0; wave < plan.Waves; wave++)
        {
            _backwardWeights.Run(new(geometry, GpuBuffer.Of(x), GpuBuffer.Of(dy), plan.Slots, plan.Chunks(wave)), (long)plan.SlotCount(wave) * shape.Groups);
            _sums.AddChunks(plan, wave);
        }
        _sums.Finish(plan, GpuBuffer.Of(dw));
        if (dBias.IsNone) return;
        var table = device.Table(segments);
        var sums = device.Scratch((long)segments.Count * shape.Outputs);
        _bias.LaunchTeams((long)segments.Count * shape.Outputs, new(table, GpuBuffer.Of(dy), sums, shape.Outputs, geometry.Positions));
        _sums.Fold(table, sums, shape.Outputs, GpuBuffer.Of(dBias));
    }

    private ConvolutionGeometry Geometry(in Conv2dShape shape)
    {
        if (!_tables.TryGetValue(shape, out var tables)) _tables.Add(shape, tables = device.Upload(ConvolutionGeometry.Tables(shape)));
        var (channels, outputs, area) = (shape.Channels / shape.Groups, shape.Outputs / shape.Groups, shape.KernelY * shape.KernelX);
        var content = GpuBuffer.IntsOf(tables.View);
        return new(content.SubView(0, 2 * channels * area), content.SubView(2 * channels * area, 3 * outputs * area), channels, outputs, shape.Groups,
            shape.Height, shape.Width, shape.OutX, shape.OutY * shape.OutX, shape.StrideY, shape.StrideX, shape.PaddingY, shape.PaddingX, area);
    }

    // A team for each (segment, output): lane l adds the positions p with p mod 16 = l, sample after sample.
    private static void BiasKernel(BiasArguments a)
    {
        var shared = Team.Memory();
        var segment = Team.Index / a.Outputs;
        var output = Team.Index - segment * a.Outputs;
        var inside = segment < a.Segments.Count;
        var sum = 0f;
        if (inside)
        {
            var end = a.Segments.End(segment);
            for (var sample = a.Segments.Start(segment); sample < end; sample++)
            {
                var plane = (long)(sample * a.Outputs + output) * a.Positions;
                for (var p = Team.Lane; p < a.Positions; p += Team.Lanes) sum += a.Dy[plane + p];
            }
        }
        sum = Team.Sum(shared, sum);
        if (inside && Team.Lane == 0) a.Sums[Team.Index] = sum;
    }
}
