namespace DistTrain.Kernels;

/// <summary>A scalar function with its derivative, written once for every lane width and device; options are its fields.</summary>
public interface IElementwiseFunction
{
    T Forward<T>(T x) where T : unmanaged, ILane<T>;

    /// <summary>dF/dx, given x and y = F(x).</summary>
    T Derivative<T>(T x, T y) where T : unmanaged, ILane<T>;
}

/// <summary>y = F(x), element by element; y may be x.</summary>
public interface IElementwise<TFunction> : IOp where TFunction : unmanaged, IElementwiseFunction
{
    void Forward(TFunction function, View x, View y);

    /// <summary>dx = dy · F'(x, y); overwritten; dx may be dy.</summary>
    void Backward(TFunction function, View x, View y, View dy, View dx);
}
