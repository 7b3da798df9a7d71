using System.Runtime.CompilerServices;

namespace DistTrain.Kernels.Functions;

/// <summary>max(a + b, 0), the end of a residual block: one pass instead of two; the gradient goes where y &gt; 0.</summary>
public readonly record struct SumRelu : IBinaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Forward<T>(T a, T b) where T : unmanaged, ILane<T>
    {
        var sum = a + b;
        return T.IfGreater(T.Of(0f), sum, T.Of(0f), sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Backward<T>(T a, T b, T y, T dy, out T da, out T db) where T : unmanaged, ILane<T>
    {
        da = db = T.IfGreater(y, T.Of(0f), dy, T.Of(0f));
    }
}
