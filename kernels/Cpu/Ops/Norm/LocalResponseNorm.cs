using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <summary>Windows of <paramref name="Size"/> channels around each channel of [N, C, P]: from c - Size / 2 to c + (Size - 1) / 2, cut at the ends.</summary>
public readonly record struct LocalResponseShape(int Channels, int Positions, int Size, float Alpha, float Beta, float K);

/// <summary>d = k + alpha / size · Σ x² over the window;  y = x · d^-beta = x · e^(-beta · ln d). Krizhevsky, Sutskever, Hinton 2012, section 3.3.</summary>
/// <remarks>A window's squares add in order of channels, one FMA chain from +0.</remarks>
public interface ILocalResponseNorm : IOp
{
    /// <param name="divisors">As x: d, saved for the backward pass, overwritten.</param>
    void Forward(in LocalResponseShape shape, int samples, View x, View y, View divisors);

    /// <summary>dx_c = dy_c · d_c^-beta - 2·alpha·beta / size · x_c · Σ dy·y / d over the channels whose window holds c; overwritten; not dy.</summary>
    void Backward(in LocalResponseShape shape, int samples, View x, View y, View divisors, View dy, View dx);
}

/// <summary>The plain loops: the definition.</summary>
internal sealed unsafe class LocalResponseNormReference : ILocalResponseNorm
{
    public LocalResponseNormReference(CpuDevice device) => ArgumentNullException.ThrowIfNull(device);

    public void Forward(in LocalResponseShape shape, int samples, View x, View y, View divisors)
    {
        Expect(shape, samples, x, y, divisors);
        for (var i = 0; i < x.Length; i++)
        {
            var (c, sum) = (i / shape.Positions % shape.Channels, 0f);
            var (first, last) = Window(shape, c);
            for (var other = first; other <= last; other++)
            {
                var value = x.Floats()[i + (other - c) * shape.Positions];
                sum = MathF.FusedMultiplyAdd(value, value, sum);
            }
            var d = MathF.FusedMultiplyAdd(shape.Alpha / shape.Size, sum, shape.K);
            divisors.Floats()[i] = d;
            y.Floats()[i] = x.Floats()[i] * Power(Lane1.Of(d), shape.Beta).Value;
        }
    }

    public void Backward(in LocalResponseShape shape, int samples, View x, View y, View divisors, View dy, View dx)
    {
        Expect(shape, samples, x, y, divisors);
        Expect(shape, samples, x, dy, dx);
        var factor = 2 * shape.Alpha * shape.Beta / shape.Size;
        for (var i = 0; i < x.Length; i++)
        {
            var (c, sum) = (i / shape.Positions % shape.Channels, 0f);
            for (var other = Math.Max(0, c - (shape.Size - 1) / 2); other <= Math.Min(shape.Channels - 1, c + shape.Size / 2); other++)
            {
                var at = i + (other - c) * shape.Positions;
                sum += dy.Floats()[at] * y.Floats()[at] / divisors.Floats()[at];
            }
            dx.Floats()[i] = MathF.FusedMultiplyAdd(-(factor * x.Floats()[i]), sum, dy.Floats()[i] * Power(Lane1.Of(divisors.Floats()[i]), shape.Beta).Value);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T Power<T>(T d, float beta) where T : unmanaged, ILane<T> => Lane.Exp(T.Of(-beta) * Lane.Log(d));

    internal static (int First, int Last) Window(in LocalResponseShape shape, int channel) =>
        (Math.Max(0, channel - shape.Size / 2), Math.Min(shape.Channels - 1, channel + (shape.Size - 1) / 2));

    internal static void Expect(in LocalResponseShape shape, int samples, View x, View y, View divisors)
    {
        OperandCheck.Positive("localResponseNorm", "size", shape.Size);
        OperandCheck.Shape("localResponseNorm", "x", x, samples, shape.Channels, shape.Positions);
        OperandCheck.Shape("localResponseNorm", "y", y, x.Length);
        OperandCheck.Shape("localResponseNorm", "divisors", divisors, x.Length);
    }
}

/// <summary>Lanes run over positions; threads share planes.</summary>
internal sealed unsafe class LocalResponseNormCpu(CpuDevice device) : ILocalResponseNorm
{
    public void Forward(in LocalResponseShape shape, int samples, View x, View y, View divisors)
    {
        LocalResponseNormReference.Expect(shape, samples, x, y, divisors);
        Run(new Call { Shape = shape, Planes = samples * shape.Channels, X = x.Floats(), Y = y.Floats(), Divisors = divisors.Floats() });
    }

    public void Backward(in LocalResponseShape shape, int samples, View x, View y, View divisors, View dy, View dx)
    {
        LocalResponseNormReference.Expect(shape, samples, x, y, divisors);
        LocalResponseNormReference.Expect(shape, samples, x, dy, dx);
        Run(new Call { Shape = shape, Planes = samples * shape.Channels, X = x.Floats(), Y = y.Floats(), Divisors = divisors.Floats(), Dy = dy.Floats(), Dx = dx.Floats() });
    }

    private void Run(Call call)
    {
        var parts = call.Parts = Stretch.Parts(device, call.Planes, 16L * call.Shape.Positions);
        if (device.InstructionSet == InstructionSet.Vector512)
        {
            var job = new Job<Lane512>(call);
            device.Run(ref job, parts);
        }
        else
        {
            var job = new Job<Lane256>(call);
            device.Run(ref job, parts);
        }
    }

    private struct Call
    {
        public LocalResponseShape Shape;
        public int Planes, Parts;
        public float* X, Y, Divisors, Dy, Dx;
    }

    private readonly struct Job<T>(Call call) : IParallelJob where T : unmanaged, IWideLane<T>
    {
        public void Run(int part, int thread)
        {
            var (start, end) = Stretch.Items(part, call.Parts, call.Planes);
            for (var plane = start; plane < end; plane++)
            {
                if (call.Dy == null) Forward(call, plane);
                else Backward(call, plane);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static void Forward(in Call call, int plane)
        {
            var (positions, c, at) = (call.Shape.Positions, plane % call.Shape.Channels, (long)plane * call.Shape.Positions);
            var (first, last) = LocalResponseNormReference.Window(call.Shape, c);
            var (factor, k) = (T.Of(call.Shape.Alpha / call.Shape.Size), T.Of(call.Shape.K));
            for (var p = 0; p < positions; p += 16)
            {
                var (count, sum) = (Math.Min(16, positions - p), T.Of(0f));
                for (var other = first; other <= last; other++)
                {
                    var value = T.LoadPart(call.X + at + (long)(other - c) * positions + p, count);
                    sum = T.Fma(value, value, sum);
                }
                var d = T.Fma(factor, sum, k);
                T.StorePart(call.Divisors + at + p, count, d);
                T.StorePart(call.Y + at + p, count, T.LoadPart(call.X + at + p, count) * LocalResponseNormReference.Power(d, call.Shape.Beta));
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static void Backward(in Call call, int plane)
        {
            var (shape, c, at) = (call.Shape, plane % call.Shape.Channels, (long)plane * call.Shape.Positions);
            var (first, last) = (Math.Max(0, c - (shape.Size - 1) / 2), Math.Min(shape.Channels - 1, c + shape.Size / 2));
            var factor = T.Of(2 * shape.Alpha * shape.Beta / shape.Size);
            for (var p = 0; p < shape.Positions; p += 16)
            {
                var (count, sum) = (Math.Min(16, shape.Positions - p), T.Of(0f));
                for (var other = first; other <= last; other++)
                {
                    var there = at + (long)(other - c) * shape.Positions + p;
                    sum = sum + T.LoadPart(call.Dy + there, count) * T.LoadPart(call.Y + there, count) / T.LoadPart(call.Divisors + there, count);
                }
                var own = T.LoadPart(call.Dy + at + p, count) * LocalResponseNormReference.Power(T.LoadPart(call.Divisors + at + p, count), shape.Beta);
                T.StorePart(call.Dx + at + p, count, T.Fma(-(factor * T.LoadPart(call.X + at + p, count)), sum, own));
            }
        }
    }
}
