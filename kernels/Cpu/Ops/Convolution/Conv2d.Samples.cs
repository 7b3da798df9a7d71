namespace DistTrain.Kernels;

/// <summary>Forward and input gradient with samples in the lanes: blocks of samples one after the other, threads share the lines of each.</summary>
internal sealed unsafe partial class Conv2dCpu
{
    private readonly Dictionary<(Conv2dShape, int), SampleLanesPlan> _forwardPlans = [];
    private readonly Dictionary<(Conv2dShape, int), SampleLanesPlan> _inputPlans = [];

    private void ForwardSamplesInLanes(in Conv2dShape shape, int samples, View x, View w, View bias, View y, Epilogue epilogue)
    {
        var (channels, outputs) = (shape.Channels / shape.Groups, shape.Outputs / shape.Groups);
        var rows = (shape.OutY - 1) * shape.StrideY + (shape.KernelY - 1) * shape.DilationY + 1;
        var columns = (shape.OutX - 1) * shape.StrideX + (shape.KernelX - 1) * shape.DilationX + 1;
        var block = SampleLanes.BlockOf(Wide, samples, (long)shape.Channels * rows * columns);
        if (!_forwardPlans.TryGetValue((shape, block), out var plan)) _forwardPlans[(shape, block)] = plan = SampleLanesPlan.Forward(shape, rows, columns, block);
        var depth = channels * shape.KernelY * shape.KernelX;
        var job = new SampleLanes
        {
            Groups = shape.Groups, Rows = outputs, Weights = w.Floats(), WeightRow = depth, WeightGroup = (long)outputs * depth,
            Bias = bias.Floats(), Relu = epilogue == Epilogue.Relu, GroupPlanes = (long)channels * rows * columns * block, Block = block,
            Target = y.Floats(), TargetSample = shape.OutputLength,
        };
        plan.AddressInto(ref job);
        var transpose = new SampleTransposeJob
        {
            Source = x.Floats(), SourceSample = shape.InputLength, Channels = shape.Channels, Height = shape.Height, Width = shape.Width,
            PaddingY = shape.PaddingY, PaddingX = shape.PaddingX, Rows = rows, Columns = columns,
        };
        RunBlocks(ref job, ref transpose, samples);
        GC.KeepAlive(plan);
    }

    public void BackwardInput(in Conv2dShape shape, int samples, View dy, View w, View dx)
    {
        shape.CheckBackwardInput(samples, dy, w, dx);
        if (samples == 0) return;
        if (Winograd.Input(shape))
        {
            BackwardInputWinograd(shape, samples, dy, w, dx);
            return;
        }
        if (IsDepthwise(shape))
        {
            BackwardInputDepthwise(shape, samples, dy, w, dx);
            return;
        }
        var (channels, outputs, taps, positions) = (shape.Channels / shape.Groups, shape.Outputs / shape.Groups, shape.KernelY * shape.KernelX, shape.OutY * shape.OutX);
        var block = SampleLanes.BlockOf(Wide, samples, (long)shape.Outputs * positions);
        if (!_inputPlans.TryGetValue((shape, block), out var plan)) _inputPlans[(shape, block)] = plan = SampleLanesPlan.Input(shape, block);
        var job = new SampleLanes
        {
            Groups = shape.Groups, Rows = channels, Weights = w.Floats(), WeightRow = taps, WeightGroup = (long)outputs * channels * taps,
            GroupPlanes = (long)outputs * positions * block, Block = block, Target = dx.Floats(), TargetSample = shape.InputLength,
        };
        plan.AddressInto(ref job);
        var transpose = new SampleTransposeJob
        {
            Source = dy.Floats(), SourceSample = shape.OutputLength, Channels = shape.Outputs, Height = shape.OutY, Width = shape.OutX, Rows = shape.OutY, Columns = shape.OutX,
        };
        RunBlocks(ref job, ref transpose, samples);
        GC.KeepAlive(plan);
    }

    private void RunBlocks(ref SampleLanes job, ref SampleTransposeJob transpose, int samples)
    {
        job.Device = device;
        job.Wide = Wide;
        job.Planes = transpose.Planes = device.SharedScratch((long)transpose.Channels * transpose.Rows * transpose.Columns * job.Block);
        transpose.Block = job.Block;
        transpose.Parts = (int)Math.Min(device.Threads, (long)transpose.Channels * transpose.Rows);
        job.Parts = (int)Math.Min(device.Threads, (long)job.Groups * job.Height);
        for (var first = 0; first < samples; first += job.Block)
        {
            job.Present = transpose.Present = Math.Min(job.Block, samples - first);
            device.Run(ref transpose, transpose.Parts);
            device.Run(ref job, job.Parts);
            transpose.Source += job.Block * transpose.SourceSample;
            job.Target += job.Block * job.TargetSample;
        }
    }
}
