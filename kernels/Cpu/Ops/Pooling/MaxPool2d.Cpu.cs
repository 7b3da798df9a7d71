using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <inheritdoc cref="IMaxPool2d"/>
/// <remarks>
/// Threads split planes. Kernel 2, stride 2 (windows side by side) splits two rows into even and odd columns; other windows of
/// stride 1 or 2 compare one element of sixteen neighbouring windows at a time; windows cut by padding, larger strides and
/// groups that hold a NaN run the reference loops.
/// </remarks>
public sealed unsafe class MaxPool2dCpu(CpuDevice device) : IMaxPool2d
{
    public void Forward(in Pool2dShape shape, int samples, View x, View y, View argmax)
    {
        MaxPool2dReference.ExpectForward(shape, samples, x, y, argmax);
        var planes = samples * shape.Channels;
        var parts = Stretch.Parts(device, planes, 2L * shape.Height * shape.Width);
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
        var parts = Stretch.Parts(device, planes, 2L * shape.Height * shape.Width);
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

    private readonly struct ForwardJob<T>(Pool2dShape shape, int planes, int parts, float* x, float* y, int* argmax) : IParallelJob
        where T : unmanaged, IWideLane<T>
    {
        public void Run(int part, int thread)
        {
            var (start, end) = Stretch.Items(part, parts, planes);
            long inPlane = shape.Height * shape.Width, outPlane = shape.OutY * shape.OutX;
            if (shape.IsHalving) Halve(x + start * inPlane, y + start * outPlane, argmax + start * outPlane, end - start, shape.Height, shape.Width, shape.OutY, shape.OutX);
            else
                for (var plane = start; plane < end; plane++)
                    Slide(shape, x + plane * inPlane, x + end * inPlane, y + plane * outPlane, y + end * outPlane, argmax + plane * outPlane, argmax + end * outPlane);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static void Halve(float* x, float* y, int* argmax, int planes, int height, int width, int outY, int outX)
        {
            var (endX, endY, endAt) = ((nint)(x + (long)planes * height * width), (nint)(y + (long)planes * outY * outX), (nint)(argmax + (long)planes * outY * outX));
            var shape = new Pool2dShape(1, height, width, 2, 2, 2, 2);
            // Windows start at even columns: lane i of a group begins 2i to the right.
            T.MultiplyWords(T.LaneNumbers(), 2, out var twice, out _);
            var (right, below, diagonal) = (T.OfBits(1), T.OfBits(width), T.OfBits(width + 1));
            for (var plane = 0; plane < planes; plane++, x += (long)height * width)
                for (var oy = 0; oy < outY; oy++, y += outX, argmax += outX)
                    for (var ox = 0; ox < outX; ox += 16)
                    {
                        var (count, first) = (Math.Min(16, outX - ox), 2 * oy * width + 2 * ox);
                        Window.Split<T>(x + first, (float*)endX, 2 * count, out var a, out var b);
                        Window.Split<T>(x + first + width, (float*)endX, 2 * count, out var c, out var d);
                        // A later one wins only when greater: ties go to the lowest index.
                        var (upper, atUpper) = (T.IfGreater(b, a, b, a), T.IfGreater(b, a, right, T.OfBits(0)));
                        var (lower, atLower) = (T.IfGreater(d, c, d, c), T.IfGreater(d, c, diagonal, below));
                        var at = T.AddBits(T.AddBits(twice, T.OfBits(first)), T.IfGreater(lower, upper, atLower, atUpper));
                        Window.Store(y + ox, (float*)endY, T.IfGreater(lower, upper, lower, upper));
                        Window.Store((float*)argmax + ox, (float*)endAt, at);
                        // The sum is NaN where one of the four is (and for opposite infinities, which the plain loops get right too).
                        if (T.AnyNaN(T.SelectBelow(count, a + b + (c + d), T.Of(0f)))) MaxPool2dReference.Windows(shape, x, y - oy * outX, argmax - oy * outX, oy, ox, ox + count);
                    }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static void Slide(in Pool2dShape shape, float* x, float* endX, float* y, float* endY, int* argmax, int* endAt)
        {
            var (width, stride, outX) = (shape.Width, shape.StrideX, shape.OutX);
            // Windows [inner, outer) lie inside the rows.
            var inner = Math.Min(outX, (shape.PaddingX + stride - 1) / stride);
            var outer = stride > 2 ? inner : Math.Clamp((width + shape.PaddingX - shape.KernelX) / stride + 1, inner, outX);
            T.MultiplyWords(T.LaneNumbers(), (uint)stride, out var steps, out _);
            for (int oy = 0, outY = shape.OutY; oy < outY; oy++)
            {
                var top = oy * shape.StrideY - shape.PaddingY;
                var (firstRow, endRow) = (Math.Max(top, 0), Math.Min(top + shape.KernelY, shape.Height));
                for (var ox = inner; ox < outer; ox += 16)
                {
                    var first = firstRow * width + ox * stride - shape.PaddingX;
                    var best = Window.Strided<T>(x + first, endX, stride);
                    var (at, sum) = (T.OfBits(first), best);
                    for (var row = firstRow; row < endRow; row++)
                        for (var column = row == firstRow ? 1 : 0; column < shape.KernelX; column++)
                        {
                            var offset = first + (row - firstRow) * width + column;
                            var value = Window.Strided<T>(x + offset, endX, stride);
                            at = T.IfGreater(value, best, T.OfBits(offset), at);
                            best = T.IfGreater(value, best, value, best);
                            sum = sum + value;
                        }
                    var count = Math.Min(16, outer - ox);
                    Window.Store(y + oy * outX + ox, endY, best);
                    Window.Store((float*)argmax + oy * outX + ox, (float*)endAt, T.AddBits(at, steps));
                    if (T.AnyNaN(T.SelectBelow(count, sum, T.Of(0f)))) MaxPool2dReference.Windows(shape, x, y, argmax, oy, ox, ox + count);
                }
                // Last, because the wide stores may have run past the row's inner windows.
                MaxPool2dReference.Windows(shape, x, y, argmax, oy, 0, inner);
                MaxPool2dReference.Windows(shape, x, y, argmax, oy, outer, outX);
            }
        }
    }

    private readonly struct BackwardJob<T>(Pool2dShape shape, int planes, int parts, float* dy, int* argmax, float* dx) : IParallelJob
        where T : unmanaged, IWideLane<T>
    {
        public void Run(int part, int thread)
        {
            var (start, end) = Stretch.Items(part, parts, planes);
            long inPlane = shape.Height * shape.Width, outPlane = shape.OutY * shape.OutX;
            if (shape.IsHalving) Double(dy + start * outPlane, argmax + start * outPlane, dx + start * inPlane, end - start, shape.Height, shape.Width, shape.OutY, shape.OutX);
            else
                for (var plane = start; plane < end; plane++)
                    MaxPool2dReference.BackwardPlane(shape, dy + plane * outPlane, argmax + plane * outPlane, dx + plane * inPlane);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static void Double(float* dy, int* argmax, float* dx, int planes, int height, int width, int outY, int outX)
        {
            var (endX, endY, endAt) = ((nint)(dx + (long)planes * height * width), (nint)(dy + (long)planes * outY * outX), (nint)(argmax + (long)planes * outY * outX));
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
                        var gradient = zero + Window.Load<T>(dy + ox, (float*)endY);
                        var at = Window.Load<T>((float*)argmax + ox, (float*)endAt);
                        var a = T.IfSameBits(at, first, gradient, zero);
                        var b = T.IfSameBits(at, T.AddBits(first, right), gradient, zero);
                        var c = T.IfSameBits(at, T.AddBits(first, below), gradient, zero);
                        var d = T.IfSameBits(at, T.AddBits(first, diagonal), gradient, zero);
                        // Only a row's first group is followed by the lower row's own store over what it writes too far.
                        Window.Join(top + 2 * ox, ox == 0 ? (float*)endX : top + width, 2 * count, a, b);
                        Window.Join(top + width + 2 * ox, (float*)endX, 2 * count, c, d);
                    }
                    if ((width & 1) != 0) (top[width - 1], top[2 * width - 1]) = (0, 0);   // the column no window covers
                }
                if ((height & 1) != 0) new Span<float>(dx + (height - 1) * width, width).Clear();
            }
        }
    }
}
