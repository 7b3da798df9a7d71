using System.Runtime.CompilerServices;

namespace DistTrain.Kernels.Functions;

/// <summary>a · b: gates.</summary>
public readonly record struct Times : IBinaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Forward<T>(T a, T b) where T : unmanaged, ILane<T> => a * b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Backward<T>(T a, T b, T y, T dy, out T da, out T db) where T : unmanaged, ILane<T>
    {
        da = dy * b;
        db = dy * a;
    }
}
