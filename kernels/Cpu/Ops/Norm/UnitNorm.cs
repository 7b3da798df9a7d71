namespace DistTrain.Kernels;

/// <summary>y = x / max(‖x‖, epsilon) over the channels of each position: vectors of length 1.  PyTorch's normalize.</summary>
/// <remarks>‖x‖² is one FMA chain over the channels in order.</remarks>
public interface IUnitNorm : IOp
{
    /// <param name="x">[samples, channels, positions]; y likewise, overwritten; y may be x.</param>
    void Forward(int samples, int channels, int positions, float epsilon, View x, View y);

    /// <summary>dx = (dy - y·Σ dy·y) / ‖x‖; below epsilon dx = dy / epsilon. dx may be dy.</summary>
    void Backward(int samples, int channels, int positions, float epsilon, View x, View dy, View dx);
}

/// <summary>The plain loops: the definition.</summary>
internal sealed unsafe class UnitNormReference : IUnitNorm
{
    public UnitNormReference(CpuDevice device) => ArgumentNullException.ThrowIfNull(device);

    public void Forward(int samples, int channels, int positions, float epsilon, View x, View y)
    {
        UnitNormCpu.Expect(samples, channels, positions, x, y);
        for (var column = 0; column < samples * positions; column++)
        {
            var at = (long)(column / positions) * channels * positions + column % positions;
            UnitNormCpu.Forward<Lane1, OneByOne>(x.Floats() + at, y.Floats() + at, channels, positions, 1, epsilon);
        }
    }

    public void Backward(int samples, int channels, int positions, float epsilon, View x, View dy, View dx)
    {
        UnitNormCpu.Expect(samples, channels, positions, x, dy);
        UnitNormCpu.Expect(samples, channels, positions, x, dx);
        for (var column = 0; column < samples * positions; column++)
        {
            var at = (long)(column / positions) * channels * positions + column % positions;
            UnitNormCpu.Backward<Lane1, OneByOne>(x.Floats() + at, dy.Floats() + at, dx.Floats() + at, channels, positions, 1, epsilon);
        }
    }
}

/// <summary>Lanes run over positions; threads share samples.</summary>
internal sealed unsafe class UnitNormCpu(CpuDevice device) : IUnitNorm
{
    public void Forward(int samples, int channels, int positions, float epsilon, View x, View y)
    {
        Expect(samples, channels, positions, x, y);
        Run(samples, channels, positions, epsilon, x, y, View.None);
    }

    public void Backward(int samples, int channels, int positions, float epsilon, View x, View dy, View dx)
    {
        Expect(samples, channels, positions, x, dy);
        Expect(samples, channels, positions, x, dx);
        Run(samples, channels, positions, epsilon, x, dy, dx);
    }

    internal static void Expect(int samples, int channels, int positions, View x, View y)
    {
        OperandCheck.Positive("unitNorm", "channels", channels);
        OperandCheck.Positive("unitNorm", "positions", positions);
        OperandCheck.Shape("unitNorm", "x", x, samples, channels, positions);
        OperandCheck.Shape("unitNorm", "y", y, samples, channels, positions);
    }

    internal static void Forward<T, TAccess>(float* x, float* y, int channels, int positions, int count, float epsilon) where T : unmanaged, ILane<T> where TAccess : struct, ILaneAccess<T>
    {
        var length = Length<T, TAccess>(x, channels, positions, count);
        length = T.IfGreater(T.Of(epsilon), length, T.Of(epsilon), length);
        for (long c = 0; c < channels; c++) TAccess.Store(y + c * positions, count, TAccess.Load(x + c * positions, count) / length);
    }

    internal static void Backward<T, TAccess>(float* x, float* dy, float* dx, int channels, int positions, int count, float epsilon) where T : unmanaged, ILane<T> where TAccess : struct, ILaneAccess<T>
    {
        var (length, along, least) = (Length<T, TAccess>(x, channels, positions, count), T.Of(0f), T.Of(epsilon));
        var divisor = T.IfGreater(least, length, least, length);
        for (long c = 0; c < channels; c++) along = T.Fma(TAccess.Load(dy + c * positions, count), TAccess.Load(x + c * positions, count) / divisor, along);
        along = T.IfGreater(least, length, T.Of(0f), along); // below epsilon the divisor is a constant
        for (long c = 0; c < channels; c++)
        {
            var y = TAccess.Load(x + c * positions, count) / divisor;
            TAccess.Store(dx + c * positions, count, T.Fma(-y, along, TAccess.Load(dy + c * positions, count)) / divisor);
        }
    }

    private static T Length<T, TAccess>(float* x, int channels, int positions, int count) where T : unmanaged, ILane<T> where TAccess : struct, ILaneAccess<T>
    {
        var squares = T.Of(0f);
        for (long c = 0; c < channels; c++)
        {
            var value = TAccess.Load(x + c * positions, count);
            squares = T.Fma(value, value, squares);
        }
        return T.Sqrt(squares);
    }

    private void Run(int samples, int channels, int positions, float epsilon, View x, View y, View dx)
    {
        var parts = Stretch.Parts(device, samples, 4L * channels * positions);
        if (device.InstructionSet == InstructionSet.Vector512)
        {
            var job = new Job<Lane512>(samples, channels, positions, parts, epsilon, x, y, dx);
            device.Run(ref job, parts);
        }
        else
        {
            var job = new Job<Lane256>(samples, channels, positions, parts, epsilon, x, y, dx);
            device.Run(ref job, parts);
        }
    }

    private readonly struct Job<T>(int samples, int channels, int positions, int parts, float epsilon, View x, View y, View dx) : IParallelJob where T : unmanaged, IWideLane<T>
    {
        public void Run(int part, int thread)
        {
            var (start, end) = Stretch.Items(part, parts, samples);
            for (var sample = start; sample < end; sample++)
                for (var p = 0; p < positions; p += 16)
                {
                    var at = (long)sample * channels * positions + p;
                    if (dx.IsNone) Forward<T, BySixteen<T>>(x.Floats() + at, y.Floats() + at, channels, positions, positions - p, epsilon);
                    else Backward<T, BySixteen<T>>(x.Floats() + at, y.Floats() + at, dx.Floats() + at, channels, positions, positions - p, epsilon);
                }
        }
    }
}
