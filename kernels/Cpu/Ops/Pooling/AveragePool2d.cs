using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <summary>y = (sum over the window, row by row) / (KernelY · KernelX), padding counted as zeros (PyTorch's count_include_pad).</summary>
public interface IAveragePool2d : IOp
{
    void Forward(in Pool2dShape shape, int samples, View x, View y);

    /// <summary>dx is overwritten: from 0, each dy / (KernelY · KernelX) added to every element of its window, windows in order.</summary>
    void Backward(in Pool2dShape shape, int samples, View dy, View dx);
}

/// <inheritdoc cref="IAveragePool2d"/>
public sealed unsafe class AveragePool2dReference : IAveragePool2d
{
    public AveragePool2dReference(CpuDevice device) => ArgumentNullException.ThrowIfNull(device);

    public void Forward(in Pool2dShape shape, int samples, View x, View y)
    {
        ExpectPlanes(shape, samples, x, y);
        for (var plane = 0; plane < samples * shape.Channels; plane++)
            ForwardPlane(shape, x.Floats() + (long)plane * shape.Height * shape.Width, y.Floats() + (long)plane * shape.OutY * shape.OutX);
    }

    public void Backward(in Pool2dShape shape, int samples, View dy, View dx)
    {
        ExpectPlanes(shape, samples, dx, dy);
        for (var plane = 0; plane < samples * shape.Channels; plane++)
            BackwardPlane(shape, dy.Floats() + (long)plane * shape.OutY * shape.OutX, dx.Floats() + (long)plane * shape.Height * shape.Width);
    }

    internal static void ForwardPlane(in Pool2dShape shape, float* x, float* y)
    {
        for (var oy = 0; oy < shape.OutY; oy++)
            for (var ox = 0; ox < shape.OutX; ox++)
            {
                var (top, left) = (oy * shape.StrideY - shape.PaddingY, ox * shape.StrideX - shape.PaddingX);
                var sum = 0f;
                for (var row = Math.Max(top, 0); row < Math.Min(top + shape.KernelY, shape.Height); row++)
                    for (var column = Math.Max(left, 0); column < Math.Min(left + shape.KernelX, shape.Width); column++)
                        sum += x[row * shape.Width + column];
                y[oy * shape.OutX + ox] = sum / (shape.KernelY * shape.KernelX);
            }
    }

    internal static void BackwardPlane(in Pool2dShape shape, float* dy, float* dx)
    {
        for (var i = 0; i < shape.Height * shape.Width; i++) dx[i] = 0;
        for (var oy = 0; oy < shape.OutY; oy++)
            for (var ox = 0; ox < shape.OutX; ox++)
            {
                var (top, left) = (oy * shape.StrideY - shape.PaddingY, ox * shape.StrideX - shape.PaddingX);
                var share = dy[oy * shape.OutX + ox] / (shape.KernelY * shape.KernelX);
                for (var row = Math.Max(top, 0); row < Math.Min(top + shape.KernelY, shape.Height); row++)
                    for (var column = Math.Max(left, 0); column < Math.Min(left + shape.KernelX, shape.Width); column++)
                        dx[row * shape.Width + column] += share;
            }
    }

    internal static void ExpectPlanes(in Pool2dShape shape, int samples, View x, View y)
    {
        shape.ExpectWindows();
        Expect.Length(x, (long)samples * shape.InputLength, "[N, C, H, W]");
        Expect.Length(y, (long)samples * shape.OutputLength, "[N, C, OutY, OutX]");
    }
}

/// <inheritdoc cref="IAveragePool2d"/>
/// <remarks>As <see cref="MaxPool2dCpu"/>: kernel 2, stride 2 runs sixteen windows at once, other windows the reference loops, planes over threads.</remarks>
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
        var parts = Stretch.Parts(device, planes, shape.Height * shape.Width);
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
            for (var plane = start; plane < end; plane++)
            {
                var planeX = x + (long)plane * shape.Height * shape.Width;
                var planeY = y + (long)plane * shape.OutY * shape.OutX;
                if (shape.IsHalving && backward) Double(planeY, planeX, shape.Height, shape.Width, shape.OutY, shape.OutX);
                else if (shape.IsHalving) Halve(planeX, planeY, shape.Width, shape.OutY, shape.OutX);
                else if (backward) AveragePool2dReference.BackwardPlane(shape, planeY, planeX);
                else AveragePool2dReference.ForwardPlane(shape, planeX, planeY);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Halve(float* x, float* y, int width, int outY, int outX)
        {
            for (var oy = 0; oy < outY; oy++, x += 2 * width, y += outX)
                for (var ox = 0; ox < outX; ox += 16)
                {
                    var count = Math.Min(16, outX - ox);
                    MaxPool2dCpu.Pair<T>(x + 2 * ox, 2 * count, out var a, out var b);
                    MaxPool2dCpu.Pair<T>(x + width + 2 * ox, 2 * count, out var c, out var d);
                    // From +0, in window order.
                    var mean = (T.Of(0f) + a + b + c + d) / T.Of(4f);
                    if (count == 16) T.Store(y + ox, mean);
                    else T.StorePart(y + ox, count, mean);
                }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Double(float* dy, float* dx, int height, int width, int outY, int outX)
        {
            for (var oy = 0; oy < outY; oy++, dy += outX)
            {
                var top = dx + 2 * oy * width;
                for (var ox = 0; ox < outX; ox += 16)
                {
                    var count = Math.Min(16, outX - ox);
                    var share = T.Of(0f) + (count == 16 ? T.Load(dy + ox) : T.LoadPart(dy + ox, count)) / T.Of(4f);
                    MaxPool2dCpu.StorePair(top + 2 * ox, 2 * count, share, share);
                    MaxPool2dCpu.StorePair(top + width + 2 * ox, 2 * count, share, share);
                }
                if ((width & 1) != 0) (top[width - 1], top[2 * width - 1]) = (0, 0);
            }
            if ((height & 1) != 0) new Span<float>(dx + (height - 1) * width, width).Clear();
        }
    }
}
