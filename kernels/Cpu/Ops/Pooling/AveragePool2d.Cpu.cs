using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <inheritdoc cref="IAveragePool2d"/>
/// <remarks>As <see cref="MaxPool2dCpu"/>: sixteen windows at a time where the stride is 1 or 2 and padding does not cut them, each sum its own chain in window order.</remarks>
public sealed unsafe class AveragePool2dCpu(CpuDevice device) : IAveragePool2d
{
    public void Forward(in Pool2dShape shape, int samples, View x, View y)
    {
        AveragePool2dReference.ExpectPlanes(shape, samples, x, y);
        Run(shape, samples * shape.Channels, x.Floats(), y.Floats(), backward: false);
    }

    public void Backward(in Pool2dShape shape, int samples, View dy, View dx)
    {
        AveragePool2dReference.ExpectPlanes(shape, samples, dx, dy);
        Run(shape, samples * shape.Channels, dx.Floats(), dy.Floats(), backward: true);
    }

    private void Run(in Pool2dShape shape, int planes, float* x, float* y, bool backward)
    {
        var parts = Stretch.Parts(device, planes, 2L * shape.Height * shape.Width);
        if (device.InstructionSet == InstructionSet.Vector512)
        {
            var job = new Job<Lane512>(shape, planes, parts, x, y, backward);
            device.Run(ref job, parts);
        }
        else
        {
            var job = new Job<Lane256>(shape, planes, parts, x, y, backward);
            device.Run(ref job, parts);
        }
    }

    private readonly struct Job<T>(Pool2dShape shape, int planes, int parts, float* x, float* y, bool backward) : IParallelJob where T : unmanaged, IWideLane<T>
    {
        public void Run(int part, int thread)
        {
            var (start, end) = Stretch.Items(part, parts, planes);
            long inPlane = shape.Height * shape.Width, outPlane = shape.OutY * shape.OutX;
            for (var plane = start; plane < end; plane++)
                if (!backward && shape.IsHalving) Halve(shape, x + plane * inPlane, x + end * inPlane, y + plane * outPlane, y + end * outPlane);
                else if (!backward) Slide(shape, x + plane * inPlane, x + end * inPlane, y + plane * outPlane, y + end * outPlane);
                else if (shape.IsHalving) Double(shape, y + plane * outPlane, y + end * outPlane, x + plane * inPlane, x + end * inPlane);
                else AveragePool2dReference.BackwardPlane(shape, y + plane * outPlane, x + plane * inPlane);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static void Halve(in Pool2dShape shape, float* x, float* endX, float* y, float* endY)
        {
            var (width, outY, outX, quarter) = (shape.Width, shape.OutY, shape.OutX, T.Of(0.25f));
            for (var oy = 0; oy < outY; oy++, x += 2 * width, y += outX)
                for (var ox = 0; ox < outX; ox += 16)
                {
                    var count = Math.Min(16, outX - ox);
                    Window.Split<T>(x + 2 * ox, endX, 2 * count, out var a, out var b);
                    Window.Split<T>(x + width + 2 * ox, endX, 2 * count, out var c, out var d);
                    // From +0, in window order; a quarter is a power of two, so the product is the quotient.
                    Window.Store(y + ox, endY, (T.Of(0f) + a + b + c + d) * quarter);
                }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static void Slide(in Pool2dShape shape, float* x, float* endX, float* y, float* endY)
        {
            var (width, stride, outX) = (shape.Width, shape.StrideX, shape.OutX);
            var inner = Math.Min(outX, (shape.PaddingX + stride - 1) / stride);
            var outer = stride > 2 || outX < 3 ? inner : Math.Clamp((width + shape.PaddingX - shape.KernelX) / stride + 1, inner, outX);
            for (int oy = 0, outY = shape.OutY; oy < outY; oy++)
            {
                var top = oy * shape.StrideY - shape.PaddingY;
                var (firstRow, endRow) = (Math.Max(top, 0), Math.Min(top + shape.KernelY, shape.Height));
                var size = T.Of(AveragePool2dReference.Size(shape, endRow - firstRow, shape.KernelX));
                for (var ox = inner; ox < outer; ox += 16)
                {
                    var sum = T.Of(0f);
                    for (var row = firstRow; row < endRow; row++)
                    {
                        var from = x + row * width + ox * stride - shape.PaddingX;
                        for (var column = 0; column < shape.KernelX; column++) sum = sum + Window.Strided<T>(from + column, endX, stride);
                    }
                    Window.Store(y + oy * outX + ox, endY, sum / size);
                }
                // Last, because the wide stores may have run past the row's inner windows.
                AveragePool2dReference.Windows(shape, x, y, oy, 0, inner);
                AveragePool2dReference.Windows(shape, x, y, oy, outer, outX);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static void Double(in Pool2dShape shape, float* dy, float* endY, float* dx, float* endX)
        {
            var (height, width, outY, outX) = (shape.Height, shape.Width, shape.OutY, shape.OutX);
            for (var oy = 0; oy < outY; oy++, dy += outX)
            {
                var top = dx + 2 * oy * width;
                for (var ox = 0; ox < outX; ox += 16)
                {
                    var count = Math.Min(16, outX - ox);
                    var share = T.Of(0f) + Window.Load<T>(dy + ox, endY) / T.Of(4f);
                    // Only a row's first group is followed by the lower row's own store over what it writes too far.
                    Window.Join(top + 2 * ox, ox == 0 ? endX : top + width, 2 * count, share, share);
                    Window.Join(top + width + 2 * ox, endX, 2 * count, share, share);
                }
                if ((width & 1) != 0) (top[width - 1], top[2 * width - 1]) = (0, 0);
            }
            if ((height & 1) != 0) new Span<float>(dx + (height - 1) * width, width).Clear();
        }
    }
}
