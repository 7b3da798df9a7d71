using System.Diagnostics;
using DistTrain.Kernels;
using DistTrain.Kernels.Functions;

namespace DistTrain.Gpu.Tests;

/// <summary>First timings of a device: products by size, LeNet- and ResNet-like convolutions, memory bandwidth, the cost of a launch and of copies.</summary>
internal static class Timings
{
    public static IEnumerable<string> All(GpuDevice device, double seconds)
    {
        foreach (var size in new[] { 256, 512, 1024, 2048, 4096 })
        {
            var (a, b, c) = (Filled(device, size * size), Filled(device, size * size), Filled(device, size * size));
            foreach (var (ta, tb) in new[] { (false, false), (false, true), (true, false) })
            {
                var shape = new MatMulShape(size, size, size, ta, tb);
                yield return Rate(device, seconds, $"matMul {size}{(ta ? " Aᵀ" : "")}{(tb ? " Bᵀ" : "")}", 2.0 * size * size * size, () => device.Op<IMatMul>().Multiply(shape, a.View, b.View, c.View));
            }
            Free(a, b, c);
        }
        foreach (var (shape, samples) in new[]
        {
            (new Conv2dShape(1, 28, 28, 6, 5, 5, PaddingY: 2, PaddingX: 2), 256),
            (new Conv2dShape(6, 14, 14, 16, 5, 5), 256),
            (new Conv2dShape(64, 56, 56, 64, 3, 3, PaddingY: 1, PaddingX: 1), 64),
            (new Conv2dShape(256, 14, 14, 256, 3, 3, PaddingY: 1, PaddingX: 1), 64),
        })
        {
            var name = $"conv2d {shape.Channels}x{shape.Height}x{shape.Width} -> {shape.Outputs}, {shape.KernelY}x{shape.KernelX}, batch {samples}";
            var work = 2.0 * samples * shape.OutputLength * (shape.Channels / shape.Groups) * shape.KernelY * shape.KernelX;
            var (x, w, y) = (Filled(device, samples * shape.InputLength), Filled(device, shape.WeightLength), Filled(device, samples * shape.OutputLength));
            var segments = new Segments([.. Enumerable.Range(0, 9).Select(i => i * samples / 8)]);
            yield return Rate(device, seconds, $"{name} forward", work, () => device.Op<IConv2d>().Forward(shape, samples, x.View, w.View, View.None, y.View, Epilogue.None));
            yield return Rate(device, seconds, $"{name} input gradient", work, () => device.Op<IConv2d>().BackwardInput(shape, samples, y.View, w.View, x.View));
            yield return Rate(device, seconds, $"{name} weight gradients", work, () => device.Op<IConv2d>().BackwardWeights(shape, segments, x.View, y.View, w.View, View.None));
            Free(x, w, y);
        }
        const int length = 64 << 20;
        var (from, to) = (Filled(device, length), Filled(device, length));
        yield return Bandwidth(device, seconds, "add, 64 Mi elements", 12.0 * length, () => device.Op<IVector>().Add(from.View, to.View));
        yield return Bandwidth(device, seconds, "gelu, 64 Mi elements", 8.0 * length, () => device.Op<IElementwise<Gelu>>().Forward(default, from.View, to.View));
        var host = new float[16 << 20];
        yield return Bandwidth(device, seconds, "host to device, 64 MiB", 4.0 * host.Length, () => from.Write(0, host));
        yield return Bandwidth(device, seconds, "device to host, 64 MiB", 4.0 * host.Length, () => from.Read(0, host));
        var few = to.View[..256];
        var launch = Median(device, seconds, () => device.Op<IVector>().Fill(few, 1f), inner: 1000);
        yield return $"launch of a small kernel: {launch * 1e6:F2} us";
        Free(from, to);
    }

    private static string Rate(GpuDevice device, double seconds, string name, double operations, Action run)
    {
        var time = Median(device, seconds, run);
        return $"{name}: {time * 1e3:F3} ms, {operations / time * 1e-9:F0} GF/s";
    }

    private static string Bandwidth(GpuDevice device, double seconds, string name, double bytes, Action run)
    {
        var time = Median(device, seconds, run);
        return $"{name}: {time * 1e3:F3} ms, {bytes / time * 1e-9:F1} GB/s";
    }

    // The median of several runs, each of as many calls as take a tenth of the time; the first call compiles and does not count.
    private static double Median(GpuDevice device, double seconds, Action run, int inner = 0)
    {
        run();
        device.Synchronize();
        var clock = Stopwatch.StartNew();
        run();
        device.Synchronize();
        if (inner == 0) inner = Math.Clamp((int)(seconds / 10 / Math.Max(clock.Elapsed.TotalSeconds, 1e-6)), 1, 1000);
        var times = new double[7];
        for (var i = 0; i < times.Length; i++)
        {
            clock.Restart();
            for (var call = 0; call < inner; call++) run();
            device.Synchronize();
            times[i] = clock.Elapsed.TotalSeconds / inner;
        }
        Array.Sort(times);
        return times[times.Length / 2];
    }

    private static DeviceBuffer Filled(GpuDevice device, int length)
    {
        var buffer = device.Allocate(length);
        device.Op<IVector>().Fill(buffer.View, 0.01f);
        return buffer;
    }

    private static void Free(params DeviceBuffer[] buffers)
    {
        foreach (var buffer in buffers) buffer.Dispose();
    }
}
