namespace DistTrain.Kernels;

/// <summary>Planes of H x W looked up at OutY x OutX places.</summary>
public readonly record struct AffineSampleShape(int Channels, int Height, int Width, int OutY, int OutX);

/// <summary>
/// y[o] = x at theta·(u, v, 1), bilinear, 0 outside; u, v are the output pixel's centre in [-1, 1] (PyTorch's affine_grid and grid_sample, corners not aligned).
/// Jaderberg et al. 2015, arXiv:1506.02025.
/// </summary>
/// <remarks>Each sample by itself: the gradient of x adds in order of output pixels, the gradient of theta likewise, channels within a pixel in order.</remarks>
public interface IAffineSample : IOp
{
    /// <param name="theta">[samples, 2, 3].</param>
    /// <param name="x">[samples, C, H, W].</param>
    /// <param name="y">[samples, C, OutY, OutX], overwritten.</param>
    void Forward(in AffineSampleShape shape, int samples, View theta, View x, View y);

    /// <summary>dTheta and dx, overwritten; an absent dx is not wanted.</summary>
    void Backward(in AffineSampleShape shape, int samples, View theta, View x, View dy, View dTheta, View dx);
}

/// <summary>The plain loops: the definition.</summary>
internal sealed unsafe class AffineSampleReference : IAffineSample
{
    public AffineSampleReference(CpuDevice device) => ArgumentNullException.ThrowIfNull(device);

    public void Forward(in AffineSampleShape shape, int samples, View theta, View x, View y)
    {
        Expect(shape, samples, theta, x, y);
        for (var n = 0; n < samples; n++) Forward(shape, n, theta.Floats(), x.Floats(), y.Floats());
    }

    public void Backward(in AffineSampleShape shape, int samples, View theta, View x, View dy, View dTheta, View dx)
    {
        ExpectBackward(shape, samples, theta, x, dy, dTheta, dx);
        for (var n = 0; n < samples; n++) Backward(shape, n, theta.Floats(), x.Floats(), dy.Floats(), dTheta.Floats(), dx.Floats());
    }

    internal static void Forward(in AffineSampleShape s, int n, float* theta, float* x, float* y)
    {
        var (plane, pixels) = (s.Height * s.Width, s.OutY * s.OutX);
        x += (long)n * s.Channels * plane;
        y += (long)n * s.Channels * pixels;
        for (var o = 0; o < pixels; o++)
        {
            var at = new Place(s, theta + 6L * n, o);
            for (var c = 0; c < s.Channels; c++)
            {
                float* p = x + (long)c * plane;
                var (top, low) = (at.Mix(p, at.Top), at.Mix(p, at.Top + 1));
                y[(long)c * pixels + o] = MathF.FusedMultiplyAdd(at.Down, low - top, top);
            }
        }
    }

    internal static void Backward(in AffineSampleShape s, int n, float* theta, float* x, float* dy, float* dTheta, float* dx)
    {
        var (plane, pixels) = (s.Height * s.Width, s.OutY * s.OutX);
        x += (long)n * s.Channels * plane;
        dy += (long)n * s.Channels * pixels;
        dTheta += 6L * n;
        new Span<float>(dTheta, 6).Clear();
        if (dx != null) new Span<float>(dx += (long)n * s.Channels * plane, s.Channels * plane).Clear();
        for (var o = 0; o < pixels; o++)
        {
            var at = new Place(s, theta + 6L * n, o);
            var (toX, toY) = (0f, 0f);
            for (var c = 0; c < s.Channels; c++)
            {
                var (p, g) = ((nint)(x + (long)c * plane), dy[(long)c * pixels + o]);
                toX = MathF.FusedMultiplyAdd(g, (1 - at.Down) * at.Slope((float*)p, at.Top) + at.Down * at.Slope((float*)p, at.Top + 1), toX);
                toY = MathF.FusedMultiplyAdd(g, at.Mix((float*)p, at.Top + 1) - at.Mix((float*)p, at.Top), toY);
                if (dx == null) continue;
                at.Add(dx + (long)c * plane, at.Top, g * (1 - at.Down));
                at.Add(dx + (long)c * plane, at.Top + 1, g * at.Down);
            }
            (toX, toY) = (toX * s.Width / 2, toY * s.Height / 2);
            (dTheta[0], dTheta[1], dTheta[2]) = (dTheta[0] + toX * at.U, dTheta[1] + toX * at.V, dTheta[2] + toX);
            (dTheta[3], dTheta[4], dTheta[5]) = (dTheta[3] + toY * at.U, dTheta[4] + toY * at.V, dTheta[5] + toY);
        }
    }

    internal static void Expect(in AffineSampleShape s, int samples, View theta, View x, View y)
    {
        OperandCheck.Shape("affineSample", "theta", theta, samples, 2, 3);
        OperandCheck.Shape("affineSample", "x", x, samples, s.Channels, s.Height, s.Width);
        OperandCheck.Shape("affineSample", "y", y, samples, s.Channels, s.OutY, s.OutX);
    }

    internal static void ExpectBackward(in AffineSampleShape s, int samples, View theta, View x, View dy, View dTheta, View dx)
    {
        Expect(s, samples, theta, x, dy);
        OperandCheck.Shape("affineSample", "dTheta", dTheta, theta.Length);
        OperandCheck.ShapeOrAbsent("affineSample", "dx", dx, x.Length);
    }

    /// <summary>Where an output pixel looks: the cell's upper left corner, and how far right and down of it.</summary>
    private readonly struct Place
    {
        private readonly int _height, _width, _left;
        private readonly float _right;

        public Place(in AffineSampleShape s, float* theta, int pixel)
        {
            (_height, _width) = (s.Height, s.Width);
            (U, V) = ((2 * (pixel % s.OutX) + 1f) / s.OutX - 1, (2 * (pixel / s.OutX) + 1f) / s.OutY - 1);
            var x = ((theta[0] * U + theta[1] * V + theta[2] + 1) * s.Width - 1) / 2;
            var y = ((theta[3] * U + theta[4] * V + theta[5] + 1) * s.Height - 1) / 2;
            (_left, Top) = (Floor(x), Floor(y));
            (_right, Down) = (x - _left, y - Top);
        }

        public float U { get; }

        public float V { get; }

        public int Top { get; }

        public float Down { get; }

        public float Mix(float* plane, int row) => MathF.FusedMultiplyAdd(_right, Slope(plane, row), At(plane, row, _left));

        public float Slope(float* plane, int row) => At(plane, row, _left + 1) - At(plane, row, _left);

        public void Add(float* plane, int row, float value)
        {
            if ((uint)row >= (uint)_height) return;
            if ((uint)_left < (uint)_width) plane[row * _width + _left] += value * (1 - _right);
            if ((uint)(_left + 1) < (uint)_width) plane[row * _width + _left + 1] += value * _right;
        }

        private float At(float* plane, int row, int column) => (uint)row < (uint)_height && (uint)column < (uint)_width ? plane[row * _width + column] : 0f;

        // Far outside, and where theta is not finite, any cell outside will do.
        private static int Floor(float v) => v > -1e6f && v < 1e6f ? (int)v - (v < (int)v ? 1 : 0) : -1_000_000;
    }
}

/// <summary>The same loops; threads share samples.</summary>
internal sealed unsafe class AffineSampleCpu(CpuDevice device) : IAffineSample
{
    public void Forward(in AffineSampleShape shape, int samples, View theta, View x, View y)
    {
        AffineSampleReference.Expect(shape, samples, theta, x, y);
        var job = new Job(shape, samples, Math.Min(device.Threads, samples), theta.Floats(), x.Floats(), y.Floats(), null, null);
        device.Run(ref job, Math.Min(device.Threads, samples));
    }

    public void Backward(in AffineSampleShape shape, int samples, View theta, View x, View dy, View dTheta, View dx)
    {
        AffineSampleReference.ExpectBackward(shape, samples, theta, x, dy, dTheta, dx);
        var job = new Job(shape, samples, Math.Min(device.Threads, samples), theta.Floats(), x.Floats(), dy.Floats(), dTheta.Floats(), dx.Floats());
        device.Run(ref job, Math.Min(device.Threads, samples));
    }

    private readonly struct Job(AffineSampleShape shape, int samples, int parts, float* theta, float* x, float* y, float* dTheta, float* dx) : IParallelJob
    {
        public void Run(int part, int thread)
        {
            var (start, end) = Stretch.Items(part, parts, samples);
            for (var n = start; n < end; n++)
            {
                if (dTheta == null) AffineSampleReference.Forward(shape, n, theta, x, y);
                else AffineSampleReference.Backward(shape, n, theta, x, y, dTheta, dx);
            }
        }
    }
}
