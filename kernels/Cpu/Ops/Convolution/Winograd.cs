using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <summary>
/// Winograd's F(2x2, 3x3): a 2 x 2 block of outputs from a 4 x 4 block of inputs with 16 multiplications for each channel instead of 36.
/// Y = Aᵀ [ Σ over c of (G g Gᵀ) ⊙ (Bᵀ d B) ] A.  The lines below are the definition of the bits: kernels and source over y first and then over x, products over x first.
/// </summary>
/// <remarks>Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", arXiv 1509.09308. Each of the 16 sums over channels is one FMA chain from +0.</remarks>
internal static class Winograd
{
    /// <summary>Multiplied elements of a tile: 4 x 4.</summary>
    public const int Elements = 16;

    /// <summary>Whether a layer's forward runs this way: the shape of one sample alone decides.</summary>
    public static bool Forward(in Conv2dShape shape) => Fits(shape) && Pays(shape.OutY, shape.OutX);

    /// <summary>Whether its input gradient does.</summary>
    public static bool Input(in Conv2dShape shape) => Fits(shape) && Pays(shape.Height, shape.Width);

    /// <summary>Tiles along an axis of so many targets.</summary>
    public static int Tiles(int targets) => (targets + 1) / 2;

    /// <summary>G: g0, (g0 + g2 + g1) / 2, (g0 + g2 - g1) / 2, g2.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Weights<T>(T g0, T g1, T g2, out T u0, out T u1, out T u2, out T u3) where T : unmanaged, ILane<T>
    {
        var (ends, half) = (g0 + g2, T.Of(0.5f));
        (u0, u1, u2, u3) = (g0, (ends + g1) * half, (ends - g1) * half, g2);
    }

    /// <summary>Bᵀ: d0 - d2, d1 + d2, d2 - d1, d1 - d3.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Source<T>(T d0, T d1, T d2, T d3, out T v0, out T v1, out T v2, out T v3) where T : unmanaged, ILane<T> =>
        (v0, v1, v2, v3) = (d0 - d2, d1 + d2, d2 - d1, d1 - d3);

    /// <summary>Aᵀ: (m0 + m1) + m2, (m1 - m2) - m3.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Target<T>(T m0, T m1, T m2, T m3, out T y0, out T y1) where T : unmanaged, ILane<T> =>
        (y0, y1) = (m0 + m1 + m2, m1 - m2 - m3);

    /// <summary>Where element (y, x) of a transformed kernel belongs when the kernel was turned by half a turn before: 0 and 3 change places.</summary>
    public static int Turned(int element) => Swap(element / 4) * 4 + Swap(element % 4);

    private static int Swap(int i) => i is 0 or 3 ? 3 - i : i;

    private static bool Fits(in Conv2dShape shape) =>
        shape is { KernelY: 3, KernelX: 3, StrideY: 1, StrideX: 1, DilationY: 1, DilationX: 1, Groups: 1, PaddingY: <= 2, PaddingX: <= 2, Channels: >= 16, Outputs: >= 16 };

    // 16 products for each tile against 9 for each target; the transforms and the tiles' overhang cost about a third.
    private static bool Pays(int height, int width) => 64L * Tiles(height) * Tiles(width) <= 27L * height * width;
}
