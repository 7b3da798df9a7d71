using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <inheritdoc cref="IBinary{TFunction}"/>
internal sealed unsafe class BinaryCpu<TFunction>(CpuDevice device) : IBinary<TFunction> where TFunction : unmanaged, IBinaryFunction
{
    public void Forward(TFunction function, View a, View b, View y)
    {
        BinaryReference<TFunction>.ExpectForward(a, b, y);
        if (device.InstructionSet == InstructionSet.Vector512) Forward<Lane512>(function, a, b, y);
        else Forward<Lane256>(function, a, b, y);
    }

    public void Backward(TFunction function, View a, View b, View y, View dy, View da, View db)
    {
        BinaryReference<TFunction>.ExpectBackward(a, b, y, dy, da, db);
        if (device.InstructionSet == InstructionSet.Vector512) Backward<Lane512>(function, a, b, y, dy, da, db);
        else Backward<Lane256>(function, a, b, y, dy, da, db);
    }

    private void Forward<T>(TFunction function, View a, View b, View y) where T : unmanaged, IWideLane<T>
    {
        var parts = Stretch.Parts(device, 2L * y.Length);
        var job = new ForwardJob<T>(function, a.Floats(), b.Floats(), y.Floats(), y.Length, parts);
        device.Run(ref job, parts);
    }

    private void Backward<T>(TFunction function, View a, View b, View y, View dy, View da, View db) where T : unmanaged, IWideLane<T>
    {
        var parts = Stretch.Parts(device, 2L * y.Length);
        var job = new BackwardJob<T>(function, a.Floats(), b.Floats(), y.Floats(), dy.Floats(), da.Floats(), db.Floats(), y.Length, parts);
        device.Run(ref job, parts);
    }

    private readonly struct ForwardJob<T>(TFunction function, float* a, float* b, float* y, int length, int parts) : IParallelJob where T : unmanaged, IWideLane<T>
    {
        public void Run(int part, int thread)
        {
            var (start, end) = Stretch.Elements(part, parts, length);
            Run(function, a + start, b + start, y + start, end - start);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static void Run(TFunction function, float* a, float* b, float* y, int count)
        {
            var i = 0;
            for (; i + 16 <= count; i += 16) T.Store(y + i, function.Forward(T.Load(a + i), T.Load(b + i)));
            if (i < count) T.StorePart(y + i, count - i, function.Forward(T.LoadPart(a + i, count - i), T.LoadPart(b + i, count - i)));
        }
    }

    private readonly struct BackwardJob<T>(TFunction function, float* a, float* b, float* y, float* dy, float* da, float* db, int length, int parts) : IParallelJob
        where T : unmanaged, IWideLane<T>
    {
        public void Run(int part, int thread)
        {
            var (start, end) = Stretch.Elements(part, parts, length);
            Run(function, a + start, b + start, y + start, dy + start, da == null ? null : da + start, db == null ? null : db + start, end - start);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static void Run(TFunction function, float* a, float* b, float* y, float* dy, float* da, float* db, int count)
        {
            var i = 0;
            for (; i + 16 <= count; i += 16)
            {
                function.Backward(T.Load(a + i), T.Load(b + i), T.Load(y + i), T.Load(dy + i), out var toA, out var toB);
                if (da != null) T.Store(da + i, toA);
                if (db != null) T.Store(db + i, toB);
            }
            if (i == count) return;
            var rest = count - i;
            function.Backward(T.LoadPart(a + i, rest), T.LoadPart(b + i, rest), T.LoadPart(y + i, rest), T.LoadPart(dy + i, rest), out var lastA, out var lastB);
            if (da != null) T.StorePart(da + i, rest, lastA);
            if (db != null) T.StorePart(db + i, rest, lastB);
        }
    }
}
