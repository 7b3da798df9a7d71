using System.Runtime.CompilerServices;

namespace DistTrain.Kernels.Functions;

/// <summary>a + b.</summary>
public readonly record struct Sum : IBinaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Forward<T>(T a, T b) where T : unmanaged, ILane<T> => a + b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Backward<T>(T a, T b, T y, T dy, out T da, out T db) where T : unmanaged, ILane<T>
    {
        da = dy;
        db = dy;
    }
}
