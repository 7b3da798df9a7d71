namespace DistTrain.Kernels;

/// <summary>y_i = (a_i - b_i)² / (|a_i| + |b_i|), 0 where both are 0: the terms of the chi-square distance of two vectors.</summary>
public interface IChiSquare : IOp
{
    /// <param name="x">[samples, 2, length]: a, then b.</param>
    /// <param name="y">[samples, length], overwritten.</param>
    void Forward(int samples, int length, View x, View y);

    /// <summary>d = a - b, s = |a| + |b|:  da = dy·(2d/s - d²/s²·sign(a)) ;  db = dy·(-2d/s - d²/s²·sign(b)).</summary>
    void Backward(int samples, int length, View x, View dy, View dx);
}

/// <inheritdoc cref="IChiSquare"/>
public sealed class ChiSquareReference : IChiSquare
{
    public ChiSquareReference(CpuDevice device) => ArgumentNullException.ThrowIfNull(device);

    public void Forward(int samples, int length, View x, View y)
    {
        OperandCheck.Shape("chiSquare", "x", x, samples, 2, length);
        OperandCheck.Shape("chiSquare", "y", y, samples, length);
        ChiSquareCpu.Forward(x, y, length, 0, samples);
    }

    public void Backward(int samples, int length, View x, View dy, View dx)
    {
        OperandCheck.Shape("chiSquare", "dy", dy, samples, length);
        OperandCheck.Shape("chiSquare", "dx", dx, samples, 2, length);
        ChiSquareCpu.Backward(x, dy, dx, length, 0, samples);
    }
}

/// <inheritdoc cref="IChiSquare"/>
/// <remarks>The reference's loops, samples shared by the threads: a few hundred elements behind a whole network.</remarks>
public sealed unsafe class ChiSquareCpu(CpuDevice device) : IChiSquare
{
    public void Forward(int samples, int length, View x, View y)
    {
        OperandCheck.Shape("chiSquare", "x", x, samples, 2, length);
        OperandCheck.Shape("chiSquare", "y", y, samples, length);
        var job = new Job(x, y, View.None, length, samples, Stretch.Parts(device, samples, 4L * length));
        device.Run(ref job, job.Parts);
    }

    public void Backward(int samples, int length, View x, View dy, View dx)
    {
        OperandCheck.Shape("chiSquare", "dy", dy, samples, length);
        OperandCheck.Shape("chiSquare", "dx", dx, samples, 2, length);
        var job = new Job(x, dy, dx, length, samples, Stretch.Parts(device, samples, 4L * length));
        device.Run(ref job, job.Parts);
    }

    internal static void Forward(View x, View y, int length, int start, int end)
    {
        for (var sample = start; sample < end; sample++)
        {
            float* a = x.Floats() + 2L * sample * length, b = a + length, to = y.Floats() + (long)sample * length;
            for (var i = 0; i < length; i++)
            {
                var (d, s) = (a[i] - b[i], MathF.Abs(a[i]) + MathF.Abs(b[i]));
                to[i] = s > 0 ? d * (d / s) : 0f; // d² alone would overflow
            }
        }
    }

    internal static void Backward(View x, View dy, View dx, int length, int start, int end)
    {
        for (var sample = start; sample < end; sample++)
        {
            float* a = x.Floats() + 2L * sample * length, b = a + length, from = dy.Floats() + (long)sample * length, da = dx.Floats() + 2L * sample * length, db = da + length;
            for (var i = 0; i < length; i++)
            {
                var (d, s) = (a[i] - b[i], MathF.Abs(a[i]) + MathF.Abs(b[i]));
                var share = s > 0 ? d / s : 0f;
                da[i] = from[i] * (2 * share - share * share * Sign(a[i]));
                db[i] = from[i] * (-2 * share - share * share * Sign(b[i]));
            }
        }
    }

    private static float Sign(float v) => v > 0 ? 1f : v < 0 ? -1f : 0f;

    private readonly struct Job(View x, View y, View dx, int length, int samples, int parts) : IParallelJob
    {
        public int Parts => parts;

        public void Run(int part, int thread)
        {
            var (start, end) = Stretch.Items(part, parts, samples);
            if (dx.IsNone) Forward(x, y, length, start, end);
            else Backward(x, y, dx, length, start, end);
        }
    }
}
