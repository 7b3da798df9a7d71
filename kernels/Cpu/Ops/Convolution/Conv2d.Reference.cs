namespace DistTrain.Kernels;

/// <summary>The plain loops: the definition.</summary>
internal sealed unsafe partial class Conv2dReference(CpuDevice device) : IConv2d
{
    public CpuDevice Device { get; } = device;

    public void Forward(in Conv2dShape shape, int samples, View x, View w, View bias, View y, Epilogue epilogue)
    {
        shape.CheckForward(samples, x, w, bias, y);
        float* px = x.Floats(), pw = w.Floats(), pb = bias.Floats(), py = y.Floats();
        if (Winograd.Forward(shape))
        {
            CorrelateTiles(new Correlation(samples, shape.Channels, shape.Outputs, shape.Height, shape.Width, shape.PaddingY, shape.PaddingX, shape.OutY, shape.OutX, shape.Channels * 9, 9, false), px, pw, pb, epilogue, py);
            return;
        }
        var (groupChannels, groupOutputs) = (shape.Channels / shape.Groups, shape.Outputs / shape.Groups);
        for (var n = 0; n < samples; n++)
            for (var o = 0; o < shape.Outputs; o++)
                for (var oy = 0; oy < shape.OutY; oy++)
                    for (var ox = 0; ox < shape.OutX; ox++)
                    {
                        var sum = 0f;
                        var weight = pw + (long)o * groupChannels * shape.KernelY * shape.KernelX;
                        for (var c = 0; c < groupChannels; c++)
                            for (var ky = 0; ky < shape.KernelY; ky++)
                                for (var kx = 0; kx < shape.KernelX; kx++)
                                    sum = MathF.FusedMultiplyAdd(Input(shape, px, n, o / groupOutputs * groupChannels + c, oy, ox, ky, kx), *weight++, sum);
                        if (pb != null) sum += pb[o];
                        if (epilogue == Epilogue.Relu && sum < 0f) sum = 0f;
                        *py++ = sum;
                    }
    }

    public void BackwardInput(in Conv2dShape shape, int samples, View dy, View w, View dx)
    {
        shape.CheckBackwardInput(samples, dy, w, dx);
        float* pdy = dy.Floats(), pw = w.Floats(), pdx = dx.Floats();
        if (Winograd.Input(shape))
        {
            CorrelateTiles(new Correlation(samples, shape.Outputs, shape.Channels, shape.OutY, shape.OutX, 2 - shape.PaddingY, 2 - shape.PaddingX, shape.Height, shape.Width, 9, shape.Channels * 9, true), pdy, pw, null, Epilogue.None, pdx);
            return;
        }
        var (groupChannels, groupOutputs) = (shape.Channels / shape.Groups, shape.Outputs / shape.Groups);
        for (var n = 0; n < samples; n++)
            for (var c = 0; c < shape.Channels; c++)
                for (var iy = 0; iy < shape.Height; iy++)
                    for (var ix = 0; ix < shape.Width; ix++)
                    {
                        var sum = 0f;
                        for (var o = c / groupChannels * groupOutputs; o < (c / groupChannels + 1) * groupOutputs; o++)
                            for (var ky = 0; ky < shape.KernelY; ky++)
                                for (var kx = 0; kx < shape.KernelX; kx++)
                                {
                                    int atY = iy + shape.PaddingY - ky * shape.DilationY, atX = ix + shape.PaddingX - kx * shape.DilationX;
                                    if (atY < 0 || atX < 0 || atY % shape.StrideY != 0 || atX % shape.StrideX != 0) continue;
                                    int oy = atY / shape.StrideY, ox = atX / shape.StrideX;
                                    if (oy >= shape.OutY || ox >= shape.OutX) continue;
                                    var gradient = pdy[(((long)n * shape.Outputs + o) * shape.OutY + oy) * shape.OutX + ox];
                                    var weight = pw[(((long)o * groupChannels + c % groupChannels) * shape.KernelY + ky) * shape.KernelX + kx];
                                    sum = MathF.FusedMultiplyAdd(gradient, weight, sum);
                                }
                        *pdx++ = sum;
                    }
    }

    public void BackwardWeights(in Conv2dShape shape, Segments segments, View x, View dy, View dw, View dBias)
    {
        shape.CheckBackwardWeights(segments, x, dy, dw, dBias);
        float* px = x.Floats(), pdy = dy.Floats(), pdw = dw.Floats();
        var (groupChannels, groupOutputs, positions) = (shape.Channels / shape.Groups, shape.Outputs / shape.Groups, shape.OutY * shape.OutX);
        var count = TileRuns.Count(segments, positions);
        var (rows, merges) = (new int[count], new int[count]);
        fixed (int* pRows = rows, pMerges = merges) TileRuns.Fill(segments, positions, pRows, pMerges);
        Span<float> stack = stackalloc float[TileRuns.StackDepth(segments)];
        for (var o = 0; o < shape.Outputs; o++)
            for (var c = 0; c < groupChannels; c++)
                for (var ky = 0; ky < shape.KernelY; ky++)
                    for (var kx = 0; kx < shape.KernelX; kx++)
                    {
                        var sums = new PartialSums(stack);
                        long row = 0;
                        for (var run = 0; run < count; run++)
                        {
                            var sum = 0f;
                            for (var end = row + rows[run]; row < end; row++)
                            {
                                var (n, position) = ((int)(row / positions), (int)(row % positions));
                                var value = Input(shape, px, n, o / groupOutputs * groupChannels + c, position / shape.OutX, position % shape.OutX, ky, kx);
                                sum = MathF.FusedMultiplyAdd(pdy[((long)n * shape.Outputs + o) * positions + position], value, sum);
                            }
                            sums.Push(sum, merges[run]);
                        }
                        *pdw++ = sums.Total;
                    }
        if (dBias.IsNone) return;
        Span<float> lanes = stackalloc float[16];
        for (var o = 0; o < shape.Outputs; o++)
        {
            var sums = new PartialSums(stack);
            for (var segment = 0; segment < segments.Count; segment++)
            {
                lanes.Clear();
                for (var n = segments.Start(segment); n < segments.End(segment); n++)
                    for (var position = 0; position < positions; position++) lanes[position % 16] += pdy[((long)n * shape.Outputs + o) * positions + position];
                for (var half = 8; half > 0; half /= 2)
                    for (var lane = 0; lane < half; lane++) lanes[lane] += lanes[lane + half];
                sums.Push(lanes[0], segments.MergesAfter(segment));
            }
            dBias.Floats()[o] = sums.Total;
        }
    }

    private static float Input(in Conv2dShape shape, float* x, int n, int c, int oy, int ox, int ky, int kx)
    {
        int iy = oy * shape.StrideY + ky * shape.DilationY - shape.PaddingY, ix = ox * shape.StrideX + kx * shape.DilationX - shape.PaddingX;
        var inside = (uint)iy < (uint)shape.Height && (uint)ix < (uint)shape.Width;
        return inside ? x[(((long)n * shape.Channels + c) * shape.Height + iy) * shape.Width + ix] : 0f;
    }
}
