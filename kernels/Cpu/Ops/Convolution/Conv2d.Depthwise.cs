namespace DistTrain.Kernels;

/// <summary>
/// Depthwise convolution (one output for each channel): sixteen channels lie side by side in the lanes, so that every tap is one aligned load and one FMA.
/// Planes are transposed on their way in and out; the chains are those of the general loops.
/// </summary>
internal sealed unsafe partial class Conv2dCpu
{
    private static bool IsDepthwise(in Conv2dShape shape) => shape.Groups == shape.Channels && shape.Outputs == shape.Channels && shape.Channels >= 8;

    private void ForwardDepthwise(in Conv2dShape shape, int samples, View x, View w, View bias, View y, Epilogue epilogue) =>
        RunDepthwise(new DepthwiseCall { Shape = shape, Samples = samples, X = x.Floats(), W = w.Floats(), Bias = bias.Floats(), Y = y.Floats(), Relu = epilogue == Epilogue.Relu }, DepthwisePass.Forward);

    private void BackwardInputDepthwise(in Conv2dShape shape, int samples, View dy, View w, View dx) =>
        RunDepthwise(new DepthwiseCall { Shape = shape, Samples = samples, X = dx.Floats(), W = w.Floats(), Y = dy.Floats() }, DepthwisePass.Input);

    private void BackwardWeightsDepthwise(in Conv2dShape shape, Segments segments, View x, View dy, View dw)
    {
        var positions = shape.OutY * shape.OutX;
        var chunks = TileRuns.Count(segments, positions);
        var tables = (int*)device.SharedScratch(2L * chunks);
        TileRuns.Fill(segments, positions, tables, tables + chunks);
        RunDepthwise(new DepthwiseCall
        {
            Shape = shape, Samples = segments.Samples, X = x.Floats(), W = dw.Floats(), Y = dy.Floats(),
            Chunks = chunks, ChunkRows = tables, ChunkMerges = tables + chunks, StackDepth = TileRuns.StackDepth(segments),
        }, DepthwisePass.Weights);
    }

    private void RunDepthwise(DepthwiseCall call, DepthwisePass pass)
    {
        var blocks = (call.Shape.Channels + 15) / 16;
        call.Device = device;
        call.Units = pass == DepthwisePass.Weights ? blocks : blocks * call.Samples;
        call.Parts = Math.Min(device.Threads, call.Units);
        if (Wide)
        {
            var job = new DepthwiseJob<Lane512>(call, pass);
            device.Run(ref job, call.Parts);
        }
        else
        {
            var job = new DepthwiseJob<Lane256>(call, pass);
            device.Run(ref job, call.Parts);
        }
    }

    private enum DepthwisePass { Forward, Input, Weights }

    /// <summary>X is x or dx, Y is y or dy, W is w or dw.</summary>
    private struct DepthwiseCall
    {
        public CpuDevice Device;
        public Conv2dShape Shape;
        public int Samples, Units, Parts, Chunks, StackDepth;
        public float* X, W, Bias, Y;
        public bool Relu;
        public int* ChunkRows, ChunkMerges;
    }

    /// <summary>A unit is a block of sixteen channels: of one sample, or of all samples for the weights.</summary>
    private readonly struct DepthwiseJob<T>(DepthwiseCall call, DepthwisePass pass) : IParallelJob where T : unmanaged, IWideLane<T>
    {
        private const int Lanes = 16;

        private readonly Conv2dShape _shape = call.Shape;
        private readonly int _blocks = (call.Shape.Channels + Lanes - 1) / Lanes;
        private readonly int _taps = call.Shape.KernelY * call.Shape.KernelX;
        private readonly int _rows = Math.Max(call.Shape.Height + 2 * call.Shape.PaddingY, (call.Shape.OutY - 1) * call.Shape.StrideY + (call.Shape.KernelY - 1) * call.Shape.DilationY + 1);
        private readonly int _pitch = Math.Max(call.Shape.Width + 2 * call.Shape.PaddingX, (call.Shape.OutX - 1) * call.Shape.StrideX + (call.Shape.KernelX - 1) * call.Shape.DilationX + 1);

        public void Run(int part, int thread)
        {
            var (input, output, positions) = ((long)_rows * _pitch * Lanes, (long)_shape.OutY * _shape.OutX * Lanes, (_shape.OutY * _shape.OutX + 15) & ~15);
            var weights = (long)_taps * Lanes;
            var scratch = call.Device.Scratch(thread, input + output + weights * (2 + call.StackDepth) + positions + 2L * ((_taps + 15) & ~15));
            var work = new DepthwiseWork { Input = scratch, Output = scratch + input, Weights = scratch + input + output, Stack = scratch + input + output + weights };
            work.Positions = (int*)(work.Stack + weights * (1 + call.StackDepth));
            work.Offsets = work.Positions + positions;
            work.Places = work.Offsets + ((_taps + 15) & ~15);
            new Span<float>(scratch, checked((int)(input + output + weights))).Clear(); // the padding; lanes past the last channel hold anything
            var (start, end) = Stretch.Items(part, call.Parts, call.Units);
            for (var unit = start; unit < end; unit++)
            {
                if (pass == DepthwisePass.Weights) Weights(unit, work);
                else
                {
                    var block = unit % _blocks;
                    var channels = Math.Min(Lanes, _shape.Channels - block * Lanes);
                    Panels.Transpose(call.W + (long)block * Lanes * _taps, _taps, work.Weights, Lanes, channels, _taps);
                    if (pass == DepthwisePass.Forward) Forward(unit / _blocks, block * Lanes, channels, work);
                    else Input(unit / _blocks, block * Lanes, channels, work);
                }
            }
        }

        private void Forward(int sample, int channel, int channels, in DepthwiseWork work)
        {
            FillInput(sample, channel, channels, work);
            for (var (ky, tap) = (0, 0); ky < _shape.KernelY; ky++)
                for (var kx = 0; kx < _shape.KernelX; kx++, tap++)
                {
                    work.Offsets[tap] = (ky * _shape.DilationY * _pitch + kx * _shape.DilationX) * Lanes;
                    work.Places[tap] = tap * Lanes;
                }
            for (var oy = 0; oy < _shape.OutY; oy++)
                DepthwiseTaps<T>.Sum(work.Input + (long)oy * _shape.StrideY * _pitch * Lanes, _shape.StrideX * Lanes, work.Weights, work.Offsets, work.Places, _taps,
                    work.Output + (long)oy * _shape.OutX * Lanes, Lanes, _shape.OutX);
            var plane = _shape.OutY * _shape.OutX;
            if (call.Bias != null || call.Relu) DepthwiseTaps<T>.Finish(work.Output, plane, call.Bias == null ? null : call.Bias + channel, channels, call.Relu);
            Panels.Transpose(work.Output, Lanes, call.Y + ((long)sample * _shape.Channels + channel) * plane, plane, plane, channels);
        }

        // Each input position sums over the taps that lead to an output that exists: columns of one residue share them, but for the ends.
        private void Input(int sample, int channel, int channels, in DepthwiseWork work)
        {
            FillOutput(sample, channel, channels, work);
            for (var iy = 0; iy < _shape.Height; iy++)
                for (var residue = 0; residue < Math.Min(_shape.StrideX, _shape.Width); residue++)
                {
                    var count = (_shape.Width - residue + _shape.StrideX - 1) / _shape.StrideX;
                    var (first, end) = Inside(residue, count);
                    var to = work.Input + ((long)iy * _shape.Width + residue) * Lanes;
                    var step = _shape.StrideX * Lanes;
                    for (var j = 0; j < count;)
                    {
                        var run = j >= first && j < end ? end - j : 1;
                        var taps = Taps(iy, residue + j * _shape.StrideX, work);
                        DepthwiseTaps<T>.Sum(work.Output, Lanes, work.Weights, work.Offsets, work.Places, taps, to + (long)j * step, step, run);
                        j += run;
                    }
                }
            Panels.Transpose(work.Input, Lanes, call.X + ((long)sample * _shape.Channels + channel) * _shape.Height * _shape.Width, _shape.Height * _shape.Width, _shape.Height * _shape.Width, channels);
        }

        // Positions residue + j·stride with j in [first, end) have all the taps of their residue.
        private (int First, int End) Inside(int residue, int count)
        {
            var (first, end) = (0, count);
            for (var kx = 0; kx < _shape.KernelX; kx++)
            {
                var at = residue + _shape.PaddingX - kx * _shape.DilationX;
                if (((at % _shape.StrideX) + _shape.StrideX) % _shape.StrideX != 0) continue;
                var output = at >= 0 ? at / _shape.StrideX : -((-at) / _shape.StrideX);
                first = Math.Max(first, -output);
                end = Math.Min(end, _shape.OutX - output);
            }
            return (first, Math.Max(first, end));
        }

        private int Taps(int iy, int ix, in DepthwiseWork work)
        {
            var count = 0;
            for (var ky = 0; ky < _shape.KernelY; ky++)
            {
                var atY = iy + _shape.PaddingY - ky * _shape.DilationY;
                if (atY < 0 || atY % _shape.StrideY != 0 || atY / _shape.StrideY >= _shape.OutY) continue;
                for (var kx = 0; kx < _shape.KernelX; kx++)
                {
                    var atX = ix + _shape.PaddingX - kx * _shape.DilationX;
                    if (atX < 0 || atX % _shape.StrideX != 0 || atX / _shape.StrideX >= _shape.OutX) continue;
                    work.Offsets[count] = (atY / _shape.StrideY * _shape.OutX + atX / _shape.StrideX) * Lanes;
                    work.Places[count++] = (ky * _shape.KernelX + kx) * Lanes;
                }
            }
            return count;
        }

        private void Weights(int block, in DepthwiseWork work)
        {
            var (channel, plane, sums) = (block * Lanes, _shape.OutY * _shape.OutX, _taps * Lanes);
            var channels = Math.Min(Lanes, _shape.Channels - channel);
            for (var p = 0; p < plane; p++) work.Positions[p] = (p / _shape.OutX * _shape.StrideY * _pitch + p % _shape.OutX * _shape.StrideX) * Lanes;
            for (var (ky, tap) = (0, 0); ky < _shape.KernelY; ky++)
                for (var kx = 0; kx < _shape.KernelX; kx++, tap++) work.Offsets[tap] = (ky * _shape.DilationY * _pitch + kx * _shape.DilationX) * Lanes;
            var (chunk, left, depth) = (0, call.ChunkRows[0], 0);
            new Span<float>(work.Stack, sums).Clear();
            for (var sample = 0; sample < call.Samples; sample++)
            {
                FillInput(sample, channel, channels, work);
                FillOutput(sample, channel, channels, work);
                for (var p = 0; p < plane;)
                {
                    var count = Math.Min(left, plane - p);
                    DepthwiseTaps<T>.Products(work.Input, work.Output + (long)p * Lanes, work.Positions + p, count, work.Offsets, _taps, work.Stack + (long)depth * sums);
                    p += count;
                    left -= count;
                    if (left > 0) continue;
                    for (var merges = call.ChunkMerges[chunk]; merges > 0; merges--, depth--) DepthwiseTaps<T>.Add(work.Stack + (long)(depth - 1) * sums, work.Stack + (long)depth * sums, sums);
                    if (++chunk == call.Chunks) continue;
                    (left, depth) = (call.ChunkRows[chunk], depth + 1);
                    new Span<float>(work.Stack + (long)depth * sums, sums).Clear();
                }
            }
            Panels.Transpose(work.Stack, Lanes, call.W + (long)channel * _taps, _taps, _taps, channels);
        }

        private void FillInput(int sample, int channel, int channels, in DepthwiseWork work)
        {
            var from = call.X + ((long)sample * _shape.Channels + channel) * _shape.Height * _shape.Width;
            for (var row = 0; row < _shape.Height; row++)
                Panels.Transpose(from + (long)row * _shape.Width, _shape.Height * _shape.Width, work.Input + ((long)(row + _shape.PaddingY) * _pitch + _shape.PaddingX) * Lanes, Lanes, channels, _shape.Width);
        }

        private void FillOutput(int sample, int channel, int channels, in DepthwiseWork work)
        {
            var plane = _shape.OutY * _shape.OutX;
            Panels.Transpose(call.Y + ((long)sample * _shape.Channels + channel) * plane, plane, work.Output, Lanes, channels, plane);
        }
    }

    /// <summary>One thread's panels: input [rows, pitch, 16], output [OutY, OutX, 16], weights [taps, 16], a stack of their sums, and tables of places.</summary>
    private struct DepthwiseWork
    {
        public float* Input, Output, Weights, Stack;
        public int* Positions, Offsets, Places;
    }
}
