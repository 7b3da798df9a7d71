using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <summary>How a loop over hidden units moves: one at a time (the reference) or sixteen. The formula inside is the same text.</summary>
internal unsafe interface ILaneAccess<T> where T : unmanaged, ILane<T>
{
    static abstract int Step { get; }

    static abstract T Load(float* from, int count);

    static abstract void Store(float* to, int count, T value);
}

internal readonly unsafe struct OneByOne : ILaneAccess<Lane1>
{
    public static int Step => 1;

    public static Lane1 Load(float* from, int count) => Lane1.Of(*from);

    public static void Store(float* to, int count, Lane1 value) => *to = value.Value;
}

internal readonly unsafe struct BySixteen<T> : ILaneAccess<T> where T : unmanaged, IWideLane<T>
{
    public static int Step => 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Load(float* from, int count) => count >= 16 ? T.Load(from) : T.LoadPart(from, count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* to, int count, T value)
    {
        if (count >= 16) T.Store(to, value);
        else T.StorePart(to, count, value);
    }
}
