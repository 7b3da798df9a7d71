using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace DistTrain.Kernels;

/// <summary>Fills whole tensors with Philox draws: element i is a pure function of (key, i), so any part can be filled anywhere.</summary>
public static unsafe class RandomFill
{
    /// <summary>destination[i] = fma(uniform, high - low, low) of element i of stream 0.</summary>
    public static void Uniform(Span<float> destination, ulong key, float low, float high)
    {
        if (Vector512.IsHardwareAccelerated) Run<Lane512>(destination, key, low, high - low, normal: false);
        else Run<Lane256>(destination, key, low, high - low, normal: false);
    }

    /// <summary>destination[i] = fma(normal, deviation, mean) of element i of stream 0.</summary>
    public static void Normal(Span<float> destination, ulong key, float mean, float deviation)
    {
        if (Vector512.IsHardwareAccelerated) Run<Lane512>(destination, key, mean, deviation, normal: true);
        else Run<Lane256>(destination, key, mean, deviation, normal: true);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    internal static void Run<T>(Span<float> destination, ulong key, float offset, float scale, bool normal) where T : unmanaged, IWideLane<T>
    {
        var rows = stackalloc T[4];
        fixed (float* start = destination)
            for (var at = 0; at < destination.Length; at += Philox.Group)
            {
                Philox.Words<T>(key, 0, at / Philox.Group, out var w0, out var w1, out var w2, out var w3);
                (rows[0], rows[1], rows[2], rows[3]) = (T.TopBits24(w0), T.TopBits24(w1), T.TopBits24(w2), T.TopBits24(w3));
                if (normal)
                {
                    Philox.BoxMuller(rows[0], rows[1], out rows[0], out rows[1]);
                    Philox.BoxMuller(rows[2], rows[3], out rows[2], out rows[3]);
                }
                for (var row = 0; row < 4 && at + 16 * row < destination.Length; row++)
                {
                    var draw = normal ? rows[row] : rows[row] * T.Of(5.9604644775390625e-8f);
                    T.StorePart(start + at + 16 * row, Math.Min(16, destination.Length - at - 16 * row), T.Fma(draw, T.Of(scale), T.Of(offset)));
                }
            }
    }
}
