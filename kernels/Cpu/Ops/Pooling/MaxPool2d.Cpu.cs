using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <inheritdoc cref="IMaxPool2d"/>
/// <remarks>
/// Kernel 2, stride 2 (windows side by side) runs sixteen windows at once: two rows are split into even and odd columns.
/// Other windows run the reference loops, planes over threads.
/// </remarks>
public sealed unsafe class MaxPool2dCpu(CpuDevice device) : IMaxPool2d
{
    public void Forward(in Pool2dShape shape, int samples, View x, View y, View argmax)
    {
        MaxPool2dReference.ExpectForward(shape, samples, x, y, argmax);
        var planes = samples * shape.Channels;
        var parts = Stretch.Parts(device, planes, shape.Height * shape.Width * (shape.IsHalving ? 1 : 4L));
        if (device.InstructionSet == InstructionSet.Vector512)
        {
            var job = new ForwardJob<Lane512>(shape, planes, parts, x.Floats(), y.Floats(), argmax.Ints());
            device.Run(ref job, parts);
        }
        else
        {
            var job = new ForwardJob<Lane256>(shape, planes, parts, x.Floats(), y.Floats(), argmax.Ints());
            device.Run(ref job, parts);
        }
    }

    public void Backward(in Pool2dShape shape, int samples, View dy, View argmax, View dx)
    {
        MaxPool2dReference.ExpectBackward(shape, samples, dy, argmax, dx);
        var planes = samples * shape.Channels;
        var parts = Stretch.Parts(device, planes, shape.Height * shape.Width);
        if (device.InstructionSet == InstructionSet.Vector512)
        {
            var job = new BackwardJob<Lane512>(shape, planes, parts, dy.Floats(), argmax.Ints(), dx.Floats());
            device.Run(ref job, parts);
        }
        else
        {
            var job = new BackwardJob<Lane256>(shape, planes, parts, dy.Floats(), argmax.Ints(), dx.Floats());
            device.Run(ref job, parts);
        }
    }

    // Even and odd columns of up to 32.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Pair<T>(float* row, int count, out T evens, out T odds) where T : unmanaged, IWideLane<T>
    {
        var low = count >= 16 ? T.Load(row) : T.LoadPart(row, count);
        var high = count == 32 ? T.Load(row + 16) : count > 16 ? T.LoadPart(row + 16, count - 16) : T.Of(0f);
        (evens, odds) = (T.Evens(low, high), T.Odds(low, high));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void StorePair<T>(float* row, int count, T evens, T odds) where T : unmanaged, IWideLane<T>
    {
        T.Interleave(evens, odds, out var low, out var high);
        if (count >= 16) T.Store(row, low);
        else T.StorePart(row, count, low);
        if (count == 32) T.Store(row + 16, high);
        else if (count > 16) T.StorePart(row + 16, count - 16, high);
    }

    private readonly struct ForwardJob<T>(Pool2dShape shape, int planes, int parts, float* x, float* y, int* argmax) : IParallelJob
        where T : unmanaged, IWideLane<T>
    {
        public void Run(int part, int thread)
        {
            var (start, end) = Stretch.Items(part, parts, planes);
            var (inPlane, outPlane) = (shape.Height * shape.Width, shape.OutY * shape.OutX);
            if (shape.IsHalving)
            {
                Halve(x + (long)start * inPlane, y + (long)start * outPlane, argmax + (long)start * outPlane, end - start, shape.Height, shape.Width, shape.OutY, shape.OutX);
                return;
            }
            for (var plane = start; plane < end; plane++)
                MaxPool2dReference.ForwardPlane(shape, x + (long)plane * inPlane, y + (long)plane * outPlane, argmax + (long)plane * outPlane);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Halve(float* x, float* y, int* argmax, int planes, int height, int width, int outY, int outX)
        {
            // Windows start at even columns: lane i of a group begins 2i to the right.
            T.MultiplyWords(T.LaneNumbers(), 2, out var twice, out _);
            var (right, below, diagonal) = (T.OfBits(1), T.OfBits(width), T.OfBits(width + 1));
            for (var plane = 0; plane < planes; plane++, x += (long)height * width)
                for (var oy = 0; oy < outY; oy++, y += outX, argmax += outX)
                    for (var ox = 0; ox < outX; ox += 16)
                    {
                        var count = Math.Min(16, outX - ox);
                        var top = x + 2 * oy * width + 2 * ox;
                        Pair<T>(top, 2 * count, out var a, out var b);
                        Pair<T>(top + width, 2 * count, out var c, out var d);
                        var first = T.AddBits(twice, T.OfBits(2 * oy * width + 2 * ox));
                        if (T.AnyNaN(a, b) || T.AnyNaN(c, d))
                        {
                            NaNRow(x, y + ox, argmax + ox, 2 * oy * width + 2 * ox, width, count);
                            continue;
                        }
                        // A later one wins only when greater: ties go to the lowest index.
                        var (upper, atUpper) = (T.IfGreater(b, a, b, a), T.IfGreater(b, a, right, T.OfBits(0)));
                        var (lower, atLower) = (T.IfGreater(d, c, d, c), T.IfGreater(d, c, diagonal, below));
                        var max = T.IfGreater(lower, upper, lower, upper);
                        var at = T.AddBits(first, T.IfGreater(lower, upper, atLower, atUpper));
                        if (count == 16)
                        {
                            T.Store(y + ox, max);
                            T.Store((float*)argmax + ox, at);
                        }
                        else
                        {
                            T.StorePart(y + ox, count, max);
                            T.StorePart((float*)argmax + ox, count, at);
                        }
                    }
        }

        private static void NaNRow(float* plane, float* y, int* argmax, int first, int width, int count)
        {
            for (var i = 0; i < count; i++, first += 2)
            {
                var best = first;
                foreach (var at in (ReadOnlySpan<int>)[first + 1, first + width, first + width + 1])
                    if (plane[at] > plane[best] || (float.IsNaN(plane[at]) && !float.IsNaN(plane[best]))) best = at;
                (y[i], argmax[i]) = (plane[best], best);
            }
        }
    }

    private readonly struct BackwardJob<T>(Pool2dShape shape, int planes, int parts, float* dy, int* argmax, float* dx) : IParallelJob
        where T : unmanaged, IWideLane<T>
    {
        public void Run(int part, int thread)
        {
            var (start, end) = Stretch.Items(part, parts, planes);
            var (inPlane, outPlane) = (shape.Height * shape.Width, shape.OutY * shape.OutX);
            if (shape.IsHalving)
            {
                Double(dy + (long)start * outPlane, argmax + (long)start * outPlane, dx + (long)start * inPlane, end - start, shape.Height, shape.Width, shape.OutY, shape.OutX);
                return;
            }
            for (var plane = start; plane < end; plane++)
                MaxPool2dReference.BackwardPlane(shape, dy + (long)plane * outPlane, argmax + (long)plane * outPlane, dx + (long)plane * inPlane);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Double(float* dy, int* argmax, float* dx, int planes, int height, int width, int outY, int outX)
        {
            T.MultiplyWords(T.LaneNumbers(), 2, out var twice, out _);
            var (right, below, diagonal, zero) = (T.OfBits(1), T.OfBits(width), T.OfBits(width + 1), T.Of(0f));
            for (var plane = 0; plane < planes; plane++, dx += (long)height * width)
            {
                for (var oy = 0; oy < outY; oy++, dy += outX, argmax += outX)
                {
                    var top = dx + 2 * oy * width;
                    for (var ox = 0; ox < outX; ox += 16)
                    {
                        var count = Math.Min(16, outX - ox);
                        var first = T.AddBits(twice, T.OfBits(2 * oy * width + 2 * ox));
                        var gradient = zero + (count == 16 ? T.Load(dy + ox) : T.LoadPart(dy + ox, count));
                        var at = count == 16 ? T.Load((float*)argmax + ox) : T.LoadPart((float*)argmax + ox, count);
                        var a = T.IfSameBits(at, first, gradient, zero);
                        var b = T.IfSameBits(at, T.AddBits(first, right), gradient, zero);
                        var c = T.IfSameBits(at, T.AddBits(first, below), gradient, zero);
                        var d = T.IfSameBits(at, T.AddBits(first, diagonal), gradient, zero);
                        StorePair(top + 2 * ox, 2 * count, a, b);
                        StorePair(top + width + 2 * ox, 2 * count, c, d);
                    }
                    if ((width & 1) != 0) (top[width - 1], top[2 * width - 1]) = (0, 0);   // the column no window covers
                }
                if ((height & 1) != 0) new Span<float>(dx + (height - 1) * width, width).Clear();
            }
        }
    }
}
