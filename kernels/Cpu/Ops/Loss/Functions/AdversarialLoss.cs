using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <summary>F = a·softplus(±y) + square·½·(y - t)²: the losses of discriminators and generators, chosen by their coefficients.</summary>
public readonly struct AdversarialLoss(float truth, float toSoftplus, float ofLogit, float square) : ILossFunction
{
    public static bool CountsHits => true;

    // What the output should be: the target, or for a generator always "real".
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private T Wanted<T>(T target) where T : unmanaged, ILane<T> => truth >= 0f ? T.Of(truth) : target;

    // Softplus of -y pulls y up, of y pushes it down; ofLogit fixes the sign, 0 takes it from the target.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private T Sign<T>(T target) where T : unmanaged, ILane<T> => ofLogit != 0f ? T.Of(ofLogit) : T.IfGreater(target, T.Of(0.5f), T.Of(-1f), T.Of(1f));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Value<T>(T y, T target) where T : unmanaged, ILane<T>
    {
        var (sign, d) = (Sign(target), y - Wanted(target));
        var z = sign * y;
        var soft = T.IfGreater(z, T.Of(0f), z, T.Of(0f)) + Lane.Log1p(Lane.Exp(-T.Abs(z)));
        return T.Fma(T.Of(toSoftplus), soft, T.Of(0.5f * square) * d * d);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Slope<T>(T y, T target) where T : unmanaged, ILane<T>
    {
        var sign = Sign(target);
        return T.Fma(T.Of(toSoftplus) * sign, Lane.Sigmoid(sign * y), T.Of(square) * (y - Wanted(target)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Miss<T>(T y, T target) where T : unmanaged, ILane<T> => T.IfGreater(y, T.Of(0.5f * square), T.IfGreater(Wanted(target), T.Of(0.5f), T.Of(0f), T.Of(1f)), T.IfGreater(Wanted(target), T.Of(0.5f), T.Of(1f), T.Of(0f)));
}
