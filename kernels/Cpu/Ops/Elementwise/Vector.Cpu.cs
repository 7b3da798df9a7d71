using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <inheritdoc cref="IVector"/>
public sealed class VectorReference : IVector
{
    public VectorReference(CpuDevice device) => ArgumentNullException.ThrowIfNull(device);

    public void Fill(View y, float value)
    {
        var to = y.AsSpan();
        for (var i = 0; i < to.Length; i++) to[i] = value;
    }

    public void Copy(View x, View y)
    {
        OperandCheck.Shape("vector", "y", y, x.Length);
        var from = x.AsSpan();
        var to = y.AsSpan();
        for (var i = 0; i < to.Length; i++) to[i] = from[i];
    }

    public void Add(View x, View y)
    {
        OperandCheck.Shape("vector", "y", y, x.Length);
        var from = x.AsSpan();
        var to = y.AsSpan();
        for (var i = 0; i < to.Length; i++) to[i] += from[i];
    }

    public void AddScaled(float scale, View x, View y)
    {
        OperandCheck.Shape("vector", "y", y, x.Length);
        var from = x.AsSpan();
        var to = y.AsSpan();
        for (var i = 0; i < to.Length; i++) to[i] = MathF.FusedMultiplyAdd(scale, from[i], to[i]);
    }
}

/// <inheritdoc cref="IVector"/>
public sealed unsafe class VectorCpu(CpuDevice device) : IVector
{
    public void Fill(View y, float value) => Run<FillBody>(value, y, y);

    public void Copy(View x, View y) => Run<CopyBody>(0, x, y);

    public void Add(View x, View y) => Run<AddBody>(0, x, y);

    public void AddScaled(float scale, View x, View y) => Run<AddScaledBody>(scale, x, y);

    private void Run<TBody>(float scalar, View x, View y) where TBody : struct, IBody
    {
        OperandCheck.Shape("vector", "y", y, x.Length);
        var parts = Stretch.Parts(device, x.Length);
        if (device.InstructionSet == InstructionSet.Vector512)
        {
            var job = new Job<Lane512, TBody>(scalar, x.Floats(), y.Floats(), x.Length, parts);
            device.Run(ref job, parts);
        }
        else
        {
            var job = new Job<Lane256, TBody>(scalar, x.Floats(), y.Floats(), x.Length, parts);
            device.Run(ref job, parts);
        }
    }

    private interface IBody
    {
        static abstract T Of<T>(T scalar, T x, T y) where T : unmanaged, ILane<T>;
    }

    private readonly struct FillBody : IBody
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Of<T>(T scalar, T x, T y) where T : unmanaged, ILane<T> => scalar;
    }

    private readonly struct CopyBody : IBody
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Of<T>(T scalar, T x, T y) where T : unmanaged, ILane<T> => x;
    }

    private readonly struct AddBody : IBody
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Of<T>(T scalar, T x, T y) where T : unmanaged, ILane<T> => y + x;
    }

    private readonly struct AddScaledBody : IBody
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Of<T>(T scalar, T x, T y) where T : unmanaged, ILane<T> => T.Fma(scalar, x, y);
    }

    private readonly struct Job<T, TBody>(float scalar, float* x, float* y, int length, int parts) : IParallelJob
        where T : unmanaged, IWideLane<T> where TBody : struct, IBody
    {
        public void Run(int part, int thread)
        {
            var (start, end) = Stretch.Elements(part, parts, length);
            Run(scalar, x + start, y + start, end - start);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static void Run(float scalar, float* x, float* y, int count)
        {
            var s = T.Of(scalar);
            var i = 0;
            for (; i + 16 <= count; i += 16) T.Store(y + i, TBody.Of(s, T.Load(x + i), T.Load(y + i)));
            if (i < count) T.StorePart(y + i, count - i, TBody.Of(s, T.LoadPart(x + i, count - i), T.LoadPart(y + i, count - i)));
        }
    }
}
