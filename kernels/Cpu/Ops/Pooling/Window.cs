using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <summary>Loads and stores of pooling rows, sixteen windows at a time, on one part's stretch of memory.</summary>
/// <remarks>
/// Rows are rarely multiples of 16 long. Loads may read past a row and stores may write past it as long as they stay inside the
/// part's own stretch: rows are written in order, so what is written past one row is overwritten by the next. Only at the
/// stretch's end are they cut to size.
/// </remarks>
internal static unsafe class Window
{
    /// <summary>Sixteen elements, or as many as lie before <paramref name="end"/>, then +0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Load<T>(float* source, float* end) where T : unmanaged, IWideLane<T> =>
        source + 16 <= end ? T.Load(source) : T.LoadPart(source, (int)Math.Max(0, end - source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<T>(float* destination, float* end, T value) where T : unmanaged, IWideLane<T>
    {
        if (destination + 16 <= end) T.Store(destination, value);
        else T.StorePart(destination, (int)Math.Max(0, end - destination), value);
    }

    /// <summary>Even and odd columns of 32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Split<T>(float* row, float* end, int count, out T evens, out T odds) where T : unmanaged, IWideLane<T>
    {
        var low = Load<T>(row, end);
        var high = count > 16 ? Load<T>(row + 16, end) : low;
        (evens, odds) = (T.Evens(low, high), T.Odds(low, high));
    }

    /// <summary>The inverse of <see cref="Split"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Join<T>(float* row, float* end, int count, T evens, T odds) where T : unmanaged, IWideLane<T>
    {
        T.Interleave(evens, odds, out var low, out var high);
        Store(row, end, low);
        if (count > 16) Store(row + 16, end, high);
    }

    /// <summary>Element ox · stride of sixteen neighbouring windows, stride 1 or 2.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Strided<T>(float* source, float* end, int stride) where T : unmanaged, IWideLane<T> =>
        stride == 1 ? Load<T>(source, end) : T.Evens(Load<T>(source, end), Load<T>(source + 16, end));
}
