using ILGPU;

namespace DistTrain.Kernels;

/// <summary>IBinary on an accelerator: the function's one-lane form, one thread for each element.</summary>
public sealed class BinaryGpu<TFunction>(GpuDevice device) : IBinary<TFunction> where TFunction : unmanaged, IBinaryFunction
{
    private readonly GpuKernel<Arguments> _forward = new(device, ForwardKernel);
    private readonly GpuKernel<Arguments> _backward = new(device, BackwardKernel);

    /// <summary>A, B, Y, Dy, Da, Db [Count]; ToA, ToB: 0 where that gradient is not wanted.</summary>
    public readonly record struct Arguments(
        TFunction Function, ArrayView<float> A, ArrayView<float> B, ArrayView<float> Y, ArrayView<float> Dy, ArrayView<float> Da, ArrayView<float> Db, int ToA, int ToB, int Count);

    public void Forward(TFunction function, View a, View b, View y)
    {
        BinaryReference<TFunction>.ExpectForward(a, b, y);
        _forward.LaunchLine(y.Length, new(function, GpuBuffer.Of(a), GpuBuffer.Of(b), GpuBuffer.Of(y), default, default, default, 0, 0, y.Length));
    }

    public void Backward(TFunction function, View a, View b, View y, View dy, View da, View db)
    {
        BinaryReference<TFunction>.ExpectBackward(a, b, y, dy, da, db);
        _backward.LaunchLine(y.Length, new(function, GpuBuffer.Of(a), GpuBuffer.Of(b), GpuBuffer.Of(y), GpuBuffer.Of(dy), GpuBuffer.Of(da), GpuBuffer.Of(db), da.IsNone ? 0 : 1, db.IsNone ? 0 : 1, y.Length));
    }

    private static void ForwardKernel(Arguments a)
    {
        var i = Grid.GlobalIndex.X;
        if (i < a.Count) a.Y[i] = a.Function.Forward(Lane1.Of(a.A[i]), Lane1.Of(a.B[i])).Value;
    }

    private static void BackwardKernel(Arguments a)
    {
        var i = Grid.GlobalIndex.X;
        if (i >= a.Count) return;
        a.Function.Backward(Lane1.Of(a.A[i]), Lane1.Of(a.B[i]), Lane1.Of(a.Y[i]), Lane1.Of(a.Dy[i]), out var toA, out var toB);
        if (a.ToA != 0) a.Da[i] = toA.Value;
        if (a.ToB != 0) a.Db[i] = toB.Value;
    }
}
