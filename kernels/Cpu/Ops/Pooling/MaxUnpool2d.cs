namespace DistTrain.Kernels;

/// <summary>Values put back where the maxima of a pooling were: the scatter that <see cref="IMaxPool2d"/> gathers.  Zeiler et al. 2011, doi:10.1109/ICCV.2011.6126474.</summary>
public interface IMaxUnpool2d : IOp
{
    /// <param name="shape">Of the pooling whose indices these are; its windows do not overlap.</param>
    /// <param name="x">[samples, C, OY, OX].</param>
    /// <param name="argmax">int, as x: places within the plane.</param>
    /// <param name="y">[samples, C, H, W], overwritten: x at the places, 0 elsewhere.</param>
    void Forward(in Pool2dShape shape, int samples, View x, View argmax, View y);

    /// <summary>dx [samples, C, OY, OX] is overwritten: dy at each place.</summary>
    void Backward(in Pool2dShape shape, int samples, View dy, View argmax, View dx);
}

/// <inheritdoc cref="IMaxUnpool2d"/>
public sealed class MaxUnpool2dReference : IMaxUnpool2d
{
    public MaxUnpool2dReference(CpuDevice device) => ArgumentNullException.ThrowIfNull(device);

    public void Forward(in Pool2dShape shape, int samples, View x, View argmax, View y)
    {
        MaxUnpool2dCpu.Expect(shape, samples, x, argmax, y);
        MaxUnpool2dCpu.Planes(shape, 0, samples * shape.Channels, x, argmax, y, backward: false);
    }

    public void Backward(in Pool2dShape shape, int samples, View dy, View argmax, View dx)
    {
        MaxUnpool2dCpu.Expect(shape, samples, dx, argmax, dy);
        MaxUnpool2dCpu.Planes(shape, 0, samples * shape.Channels, dx, argmax, dy, backward: true);
    }
}

/// <inheritdoc cref="IMaxUnpool2d"/>
/// <remarks>The reference's loops: a scatter has no lanes. Threads share planes.</remarks>
public sealed unsafe class MaxUnpool2dCpu(CpuDevice device) : IMaxUnpool2d
{
    public void Forward(in Pool2dShape shape, int samples, View x, View argmax, View y)
    {
        Expect(shape, samples, x, argmax, y);
        Run(shape, samples, x, argmax, y, backward: false);
    }

    public void Backward(in Pool2dShape shape, int samples, View dy, View argmax, View dx)
    {
        Expect(shape, samples, dx, argmax, dy);
        Run(shape, samples, dx, argmax, dy, backward: true);
    }

    internal static void Expect(in Pool2dShape shape, int samples, View x, View argmax, View y)
    {
        shape.ExpectWindows();
        OperandCheck.Shape("maxUnpool2d", "x", x, samples, shape.Channels, shape.OutY, shape.OutX);
        OperandCheck.Shape("maxUnpool2d", "argmax", argmax, samples, shape.Channels, shape.OutY, shape.OutX);
        OperandCheck.Shape("maxUnpool2d", "y", y, samples, shape.Channels, shape.Height, shape.Width);
    }

    internal static void Planes(in Pool2dShape shape, int first, int end, View x, View argmax, View y, bool backward)
    {
        var (small, large) = (shape.OutY * shape.OutX, shape.Height * shape.Width);
        for (long plane = first; plane < end; plane++)
        {
            float* from = x.Floats() + plane * small, to = y.Floats() + plane * large;
            var at = argmax.Ints() + plane * small;
            if (!backward) new Span<float>(to, large).Clear();
            for (var i = 0; i < small; i++)
            {
                if (backward) from[i] = to[at[i]];
                else to[at[i]] = from[i];
            }
        }
    }

    private void Run(in Pool2dShape shape, int samples, View x, View argmax, View y, bool backward)
    {
        var planes = samples * shape.Channels;
        var job = new Job(shape, planes, Stretch.Parts(device, planes, shape.Height * shape.Width), x, argmax, y, backward);
        device.Run(ref job, job.Parts);
    }

    private readonly struct Job(Pool2dShape shape, int planes, int parts, View x, View argmax, View y, bool backward) : IParallelJob
    {
        public int Parts => parts;

        public void Run(int part, int thread)
        {
            var (start, end) = Stretch.Items(part, parts, planes);
            Planes(shape, start, end, x, argmax, y, backward);
        }
    }
}
