using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <inheritdoc cref="IElementwise{TFunction}"/>
public sealed unsafe class ElementwiseReference<TFunction> : IElementwise<TFunction> where TFunction : unmanaged, IElementwiseFunction
{
    public ElementwiseReference(CpuDevice device) => ArgumentNullException.ThrowIfNull(device);

    public void Forward(TFunction function, View x, View y)
    {
        OperandCheck.Shape("elementwise", "y", y, x.Length);
        for (var i = 0; i < x.Length; i++) y.Floats()[i] = function.Forward(Lane1.Of(x.Floats()[i])).Value;
    }

    public void Backward(TFunction function, View x, View y, View dy, View dx)
    {
        ElementwiseCpu<TFunction>.ExpectBackward(x, y, dy, dx);
        for (var i = 0; i < x.Length; i++)
            dx.Floats()[i] = dy.Floats()[i] * function.Derivative(Lane1.Of(x.Floats()[i]), Lane1.Of(y.Floats()[i])).Value;
    }
}

/// <inheritdoc cref="IElementwise{TFunction}"/>
public sealed unsafe class ElementwiseCpu<TFunction>(CpuDevice device) : IElementwise<TFunction> where TFunction : unmanaged, IElementwiseFunction
{
    public void Forward(TFunction function, View x, View y)
    {
        OperandCheck.Shape("elementwise", "y", y, x.Length);
        if (device.InstructionSet == InstructionSet.Vector512) Forward<Lane512>(function, x, y);
        else Forward<Lane256>(function, x, y);
    }

    public void Backward(TFunction function, View x, View y, View dy, View dx)
    {
        ExpectBackward(x, y, dy, dx);
        if (device.InstructionSet == InstructionSet.Vector512) Backward<Lane512>(function, x, y, dy, dx);
        else Backward<Lane256>(function, x, y, dy, dx);
    }

    internal static void ExpectBackward(View x, View y, View dy, View dx)
    {
        OperandCheck.Shape("elementwise", "y", y, x.Length);
        OperandCheck.Shape("elementwise", "dy", dy, x.Length);
        OperandCheck.Shape("elementwise", "dx", dx, x.Length);
    }

    private void Forward<T>(TFunction function, View x, View y) where T : unmanaged, IWideLane<T>
    {
        var parts = Stretch.Parts(device, 2L * x.Length);
        var job = new ForwardJob<T>(function, x.Floats(), y.Floats(), x.Length, parts);
        device.Run(ref job, parts);
    }

    private void Backward<T>(TFunction function, View x, View y, View dy, View dx) where T : unmanaged, IWideLane<T>
    {
        var parts = Stretch.Parts(device, 2L * x.Length);
        var job = new BackwardJob<T>(function, x.Floats(), y.Floats(), dy.Floats(), dx.Floats(), x.Length, parts);
        device.Run(ref job, parts);
    }

    private readonly struct ForwardJob<T>(TFunction function, float* x, float* y, int length, int parts) : IParallelJob where T : unmanaged, IWideLane<T>
    {
        public void Run(int part, int thread)
        {
            var (start, end) = Stretch.Elements(part, parts, length);
            Run(function, x + start, y + start, end - start);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static void Run(TFunction function, float* x, float* y, int count)
        {
            var i = 0;
            for (; i + 16 <= count; i += 16) T.Store(y + i, function.Forward(T.Load(x + i)));
            if (i < count) T.StorePart(y + i, count - i, function.Forward(T.LoadPart(x + i, count - i)));
        }
    }

    private readonly struct BackwardJob<T>(TFunction function, float* x, float* y, float* dy, float* dx, int length, int parts) : IParallelJob
        where T : unmanaged, IWideLane<T>
    {
        public void Run(int part, int thread)
        {
            var (start, end) = Stretch.Elements(part, parts, length);
            Run(function, x + start, y + start, dy + start, dx + start, end - start);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static void Run(TFunction function, float* x, float* y, float* dy, float* dx, int count)
        {
            var i = 0;
            for (; i + 16 <= count; i += 16) T.Store(dx + i, T.Load(dy + i) * function.Derivative(T.Load(x + i), T.Load(y + i)));
            if (i == count) return;
            var rest = count - i;
            T.StorePart(dx + i, rest, T.LoadPart(dy + i, rest) * function.Derivative(T.LoadPart(x + i, rest), T.LoadPart(y + i, rest)));
        }
    }
}
