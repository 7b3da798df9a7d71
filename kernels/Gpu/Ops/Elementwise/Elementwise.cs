using ILGPU;

namespace DistTrain.Kernels;

/// <summary>IElementwise on an accelerator: the function's one-lane form, one thread for each element.</summary>
public sealed class ElementwiseGpu<TFunction>(GpuDevice device) : IElementwise<TFunction> where TFunction : unmanaged, IElementwiseFunction
{
    private readonly GpuKernel<Arguments> _forward = new(device, ForwardKernel);
    private readonly GpuKernel<Arguments> _backward = new(device, BackwardKernel);

    /// <summary>X, Y, Dy, Dx [Count].</summary>
    public readonly record struct Arguments(TFunction Function, ArrayView<float> X, ArrayView<float> Y, ArrayView<float> Dy, ArrayView<float> Dx, int Count);

    public void Forward(TFunction function, View x, View y)
    {
        OperandCheck.Shape("elementwise", "y", y, x.Length);
        _forward.LaunchLine(x.Length, new(function, GpuBuffer.Of(x), GpuBuffer.Of(y), default, default, x.Length));
    }

    public void Backward(TFunction function, View x, View y, View dy, View dx)
    {
        ElementwiseCpu<TFunction>.ExpectBackward(x, y, dy, dx);
        _backward.LaunchLine(x.Length, new(function, GpuBuffer.Of(x), GpuBuffer.Of(y), GpuBuffer.Of(dy), GpuBuffer.Of(dx), x.Length));
    }

    private static void ForwardKernel(Arguments a)
    {
        var i = Grid.GlobalIndex.X;
        if (i < a.Count) a.Y[i] = a.Function.Forward(Lane1.Of(a.X[i])).Value;
    }

    private static void BackwardKernel(Arguments a)
    {
        var i = Grid.GlobalIndex.X;
        if (i < a.Count) a.Dx[i] = a.Dy[i] * a.Function.Derivative(Lane1.Of(a.X[i]), Lane1.Of(a.Y[i])).Value;
    }
}
