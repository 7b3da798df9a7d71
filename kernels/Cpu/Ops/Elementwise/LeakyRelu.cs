using System.Runtime.CompilerServices;

namespace DistTrain.Kernels.Functions;

/// <summary>x where x &gt; 0, else slope · x.  Maas, Hannun, Ng 2013.</summary>
/// <param name="Slope">0.01 is usual.</param>
public readonly record struct LeakyRelu(float Slope) : IElementwiseFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Forward<T>(T x) where T : unmanaged, ILane<T> => T.IfGreater(x, T.Of(0f), x, T.Of(Slope) * x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Derivative<T>(T x, T y) where T : unmanaged, ILane<T> => T.IfGreater(x, T.Of(0f), T.Of(1f), T.Of(Slope));
}
