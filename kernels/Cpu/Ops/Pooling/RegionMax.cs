namespace DistTrain.Kernels;

/// <summary>Maxima over an OY x OX grid laid on each of R regions of [N, C, H, W].</summary>
/// <param name="Scale">From the regions' unit (pixels of the image) to places of the planes.</param>
public readonly record struct RegionShape(int Channels, int Height, int Width, int Regions, int OutY, int OutX, float Scale = 1f)
{
    public int InputLength => Channels * Height * Width;

    public int OutputLength => Regions * Channels * OutY * OutX;
}

/// <summary>
/// RoI pooling. A region (x1, y1, x2, y2), ends included, is rounded to places: s = round(x1·scale), e = round(x2·scale), at least one place; window i of an axis of n
/// places is [s + ⌊i·n / O⌋, s + ⌈(i + 1)·n / O⌉), cut to the plane; y = its maximum (a tie takes the lowest index), 0 where nothing is left.  Girshick 2015, arXiv:1504.08083.
/// </summary>
public interface IRegionMax : IOp
{
    /// <param name="x">[samples, C, H, W].</param>
    /// <param name="regions">[samples, R, 4]; absent: one region, the whole plane, which is adaptive max pooling.</param>
    /// <param name="y">[samples, R, C, OY, OX], overwritten.</param>
    /// <param name="argmax">int, as y: the place within the plane, -1 where the window is empty; overwritten.</param>
    void Forward(in RegionShape shape, int samples, View x, View regions, View y, View argmax);

    /// <summary>dx is overwritten: each dy added where its maximum was, regions in order, windows in order.</summary>
    void Backward(in RegionShape shape, int samples, View dy, View argmax, View dx);
}

/// <inheritdoc cref="IRegionMax"/>
public sealed class RegionMaxReference : IRegionMax
{
    public RegionMaxReference(CpuDevice device) => ArgumentNullException.ThrowIfNull(device);

    public void Forward(in RegionShape shape, int samples, View x, View regions, View y, View argmax)
    {
        RegionMaxCpu.ExpectForward(shape, samples, x, regions, y, argmax);
        RegionMaxCpu.Forward(shape, 0, samples * shape.Channels, x, regions, y, argmax);
    }

    public void Backward(in RegionShape shape, int samples, View dy, View argmax, View dx)
    {
        RegionMaxCpu.ExpectBackward(shape, samples, dy, argmax, dx);
        RegionMaxCpu.Backward(shape, 0, samples * shape.Channels, dy, argmax, dx);
    }
}

/// <inheritdoc cref="IRegionMax"/>
/// <remarks>The reference's loops: windows of all sizes have no lanes in common. Threads share planes.</remarks>
public sealed unsafe class RegionMaxCpu(CpuDevice device) : IRegionMax
{
    public void Forward(in RegionShape shape, int samples, View x, View regions, View y, View argmax)
    {
        ExpectForward(shape, samples, x, regions, y, argmax);
        var planes = samples * shape.Channels;
        var job = new Job(shape, planes, Stretch.Parts(device, planes, 4L * shape.Height * shape.Width), x, regions, y, argmax, backward: false);
        device.Run(ref job, job.Parts);
    }

    public void Backward(in RegionShape shape, int samples, View dy, View argmax, View dx)
    {
        ExpectBackward(shape, samples, dy, argmax, dx);
        var planes = samples * shape.Channels;
        var job = new Job(shape, planes, Stretch.Parts(device, planes, shape.Height * shape.Width), dx, View.None, dy, argmax, backward: true);
        device.Run(ref job, job.Parts);
    }

    internal static void Forward(in RegionShape shape, int first, int end, View x, View regions, View y, View argmax)
    {
        for (var plane = first; plane < end; plane++)
        {
            var (sample, channel) = (plane / shape.Channels, plane % shape.Channels);
            var from = x.Floats() + (long)plane * shape.Height * shape.Width;
            for (var r = 0; r < shape.Regions; r++)
            {
                var (left, width) = (0, shape.Width);
                var (top, height) = (0, shape.Height);
                if (!regions.IsNone)
                {
                    var region = regions.Floats() + ((long)sample * shape.Regions + r) * 4;
                    (left, width) = Places(region[0], region[2], shape.Scale);
                    (top, height) = Places(region[1], region[3], shape.Scale);
                }
                var to = (((long)sample * shape.Regions + r) * shape.Channels + channel) * shape.OutY * shape.OutX;
                for (var oy = 0; oy < shape.OutY; oy++)
                    for (var ox = 0; ox < shape.OutX; ox++, to++)
                    {
                        var (firstRow, endRow) = Window(oy, shape.OutY, top, height, shape.Height);
                        var (firstColumn, endColumn) = Window(ox, shape.OutX, left, width, shape.Width);
                        var best = firstRow < endRow && firstColumn < endColumn ? firstRow * shape.Width + firstColumn : -1;
                        for (var row = firstRow; row < endRow; row++)
                            for (var at = row * shape.Width + firstColumn; at < row * shape.Width + endColumn; at++)
                                if (from[at] > from[best] || (float.IsNaN(from[at]) && !float.IsNaN(from[best]))) best = at;
                        argmax.Ints()[to] = best;
                        y.Floats()[to] = best >= 0 ? from[best] : 0f;
                    }
            }
        }
    }

    internal static void Backward(in RegionShape shape, int first, int end, View dy, View argmax, View dx)
    {
        var (inPlane, outPlane) = (shape.Height * shape.Width, shape.OutY * shape.OutX);
        for (var plane = first; plane < end; plane++)
        {
            var (sample, channel) = (plane / shape.Channels, plane % shape.Channels);
            var to = dx.Floats() + (long)plane * inPlane;
            new Span<float>(to, inPlane).Clear();
            for (var r = 0; r < shape.Regions; r++)
            {
                var at = (((long)sample * shape.Regions + r) * shape.Channels + channel) * outPlane;
                for (var i = 0; i < outPlane; i++)
                    if (argmax.Ints()[at + i] is >= 0 and var place) to[place] += dy.Floats()[at + i];
            }
        }
    }

    /// <summary>First place and number of places of one axis of a region: whole numbers, halves away from 0.</summary>
    public static (int First, int Count) Places(float from, float to, float scale)
    {
        // Far outside every plane is far enough; a NaN becomes 0.
        static int Round(float v) => v >= 0 ? (int)MathF.Min(MathF.Floor(v + 0.5f), 1e6f) : v < 0 ? -(int)MathF.Min(MathF.Floor(0.5f - v), 1e6f) : 0;
        var (first, last) = (Round(from * scale), Round(to * scale));
        return (first, Math.Max(1, last - first + 1));
    }

    private static (int First, int End) Window(int i, int count, int first, int size, int limit) =>
        (Math.Clamp(first + i * size / count, 0, limit), Math.Clamp(first + ((i + 1) * size + count - 1) / count, 0, limit));

    internal static void ExpectForward(in RegionShape shape, int samples, View x, View regions, View y, View argmax)
    {
        OperandCheck.Positive("regionMax", "regions", shape.Regions);
        if (regions.IsNone && shape.Regions != 1) throw new ArgumentException($"regionMax: regions is absent and there are {shape.Regions}; without a list there is one, the whole plane.", nameof(regions));
        OperandCheck.Shape("regionMax", "x", x, samples, shape.Channels, shape.Height, shape.Width);
        OperandCheck.ShapeOrAbsent("regionMax", "regions", regions, samples, shape.Regions, 4);
        OperandCheck.Shape("regionMax", "y", y, samples, shape.Regions, shape.Channels, shape.OutY, shape.OutX);
        OperandCheck.Shape("regionMax", "argmax", argmax, y.Length);
    }

    internal static void ExpectBackward(in RegionShape shape, int samples, View dy, View argmax, View dx)
    {
        OperandCheck.Shape("regionMax", "dy", dy, samples, shape.Regions, shape.Channels, shape.OutY, shape.OutX);
        OperandCheck.Shape("regionMax", "argmax", argmax, dy.Length);
        OperandCheck.Shape("regionMax", "dx", dx, samples, shape.Channels, shape.Height, shape.Width);
    }

    private readonly struct Job(RegionShape shape, int planes, int parts, View x, View regions, View y, View argmax, bool backward) : IParallelJob
    {
        public int Parts => parts;

        public void Run(int part, int thread)
        {
            var (start, end) = Stretch.Items(part, parts, planes);
            if (backward) Backward(shape, start, end, y, argmax, x);
            else Forward(shape, start, end, x, regions, y, argmax);
        }
    }
}
