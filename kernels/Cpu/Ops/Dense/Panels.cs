using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace DistTrain.Kernels;

/// <summary>Moves matrices into the layouts that the tile kernel streams. Moving never changes bits.</summary>
internal static unsafe class Panels
{
    /// <summary>to [columns, rows] = from [rows, columns] transposed; rows of each lie fromRow and toRow apart.</summary>
    /// <remarks>Blocks of 8 x 8; the last block of a side reaches back over its neighbour and writes the same values again.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Transpose(float* from, long fromRow, float* to, long toRow, int rows, int columns)
    {
        var edge = Avx.IsSupported && rows >= 8 && columns >= 8 ? 8 : Sse.IsSupported && rows >= 4 && columns >= 4 ? 4 : 1;
        for (var r = 0; r < rows; r += edge)
        {
            long row = Math.Min(r, rows - edge);
            for (var c = 0; c < columns; c += edge)
            {
                long column = Math.Min(c, columns - edge);
                var source = from + row * fromRow + column;
                var target = to + column * toRow + row;
                if (edge == 8) Transpose8(source, source + fromRow, source + 2 * fromRow, source + 3 * fromRow, source + 4 * fromRow, source + 5 * fromRow, source + 6 * fromRow, source + 7 * fromRow, target, toRow);
                else if (edge == 4) Transpose4(source, fromRow, target, toRow);
                else *target = *source;
            }
        }
    }

    /// <summary>The same where toRow is a multiple of 8 and at least rows: the lanes past the last row become +0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void TransposeToLanes(float* from, long fromRow, float* to, long toRow, int rows, int columns)
    {
        var zeros = stackalloc float[8];
        for (var r = 0; r < rows; r += 8)
        {
            var left = rows - r;
            var first = from + r * fromRow;
            if (columns < 8 || !Avx.IsSupported)
            {
                for (var c = 0; c < columns; c++)
                    for (var i = 0; i < 8; i++) to[c * toRow + r + i] = i < left ? first[i * fromRow + c] : 0f;
                continue;
            }
            for (var c = 0; c < columns; c += 8)
            {
                long column = Math.Min(c, columns - 8);
                var source = first + column;
                Transpose8(source, left > 1 ? source + fromRow : zeros, left > 2 ? source + 2 * fromRow : zeros, left > 3 ? source + 3 * fromRow : zeros,
                    left > 4 ? source + 4 * fromRow : zeros, left > 5 ? source + 5 * fromRow : zeros, left > 6 ? source + 6 * fromRow : zeros, left > 7 ? source + 7 * fromRow : zeros,
                    to + column * toRow + r, toRow);
            }
        }
    }

    /// <summary>to [rows, columns] = from [rows, columns].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Copy(float* from, long fromRow, float* to, long toRow, int rows, int columns)
    {
        for (var row = 0; row < rows; row++, from += fromRow, to += toRow)
        {
            if (columns < 8)
            {
                if (columns >= 4)
                {
                    var tail = Vector128.Load(from + columns - 4);
                    Vector128.Load(from).Store(to);
                    tail.Store(to + columns - 4);
                }
                else
                    for (var column = 0; column < columns; column++) to[column] = from[column];
                continue;
            }
            // The last vector reaches back over its neighbour.
            for (var column = 0; column < columns - 8; column += 8) Vector256.Load(from + column).Store(to + column);
            Vector256.Load(from + columns - 8).Store(to + columns - 8);
        }
    }

    /// <summary>Cuts rows of <paramref name="columns"/> elements into panels [panel][row][width] that lie <paramref name="panelStep"/> apart. Row by row: the source is then read in its own order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Cut(float* from, long fromRow, float* to, long panelStep, int width, int rows, int columns)
    {
        var whole = columns / width;
        var rest = columns - whole * width;
        for (var row = 0; row < rows; row++, from += fromRow, to += width)
        {
            float* source = from, target = to;
            for (var panel = 0; panel < whole; panel++, source += width, target += panelStep)
            {
                for (var column = 0; column < width - 8; column += 8) Vector256.Load(source + column).Store(target + column);
                Vector256.Load(source + width - 8).Store(target + width - 8);
            }
            for (var column = 0; column < rest; column++) target[column] = source[column];
        }
    }

    public static void Zero(float* to, long count) => new Span<byte>(to, checked((int)(count * sizeof(float)))).Clear();

    /// <summary>offsets[k] = k · stride.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Offsets(int* offsets, int count, long stride)
    {
        for (var k = 0; k < count; k++) offsets[k] = (int)(k * stride);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose4(float* from, long fromRow, float* to, long toRow)
    {
        var (r0, r1, r2, r3) = (Vector128.Load(from), Vector128.Load(from + fromRow), Vector128.Load(from + 2 * fromRow), Vector128.Load(from + 3 * fromRow));
        var (t0, t1) = (Sse.UnpackLow(r0, r1), Sse.UnpackHigh(r0, r1));
        var (t2, t3) = (Sse.UnpackLow(r2, r3), Sse.UnpackHigh(r2, r3));
        Sse.MoveLowToHigh(t0, t2).Store(to);
        Sse.MoveHighToLow(t2, t0).Store(to + toRow);
        Sse.MoveLowToHigh(t1, t3).Store(to + 2 * toRow);
        Sse.MoveHighToLow(t3, t1).Store(to + 3 * toRow);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose8(float* from0, float* from1, float* from2, float* from3, float* from4, float* from5, float* from6, float* from7, float* to, long toRow)
    {
        var (r0, r1, r2, r3) = (Vector256.Load(from0), Vector256.Load(from1), Vector256.Load(from2), Vector256.Load(from3));
        var (r4, r5, r6, r7) = (Vector256.Load(from4), Vector256.Load(from5), Vector256.Load(from6), Vector256.Load(from7));
        var (t0, t1) = (Avx.UnpackLow(r0, r1), Avx.UnpackHigh(r0, r1));
        var (t2, t3) = (Avx.UnpackLow(r2, r3), Avx.UnpackHigh(r2, r3));
        var (t4, t5) = (Avx.UnpackLow(r4, r5), Avx.UnpackHigh(r4, r5));
        var (t6, t7) = (Avx.UnpackLow(r6, r7), Avx.UnpackHigh(r6, r7));
        var (s0, s1) = (Avx.Shuffle(t0, t2, 0x44), Avx.Shuffle(t0, t2, 0xEE));
        var (s2, s3) = (Avx.Shuffle(t1, t3, 0x44), Avx.Shuffle(t1, t3, 0xEE));
        var (s4, s5) = (Avx.Shuffle(t4, t6, 0x44), Avx.Shuffle(t4, t6, 0xEE));
        var (s6, s7) = (Avx.Shuffle(t5, t7, 0x44), Avx.Shuffle(t5, t7, 0xEE));
        Avx.Permute2x128(s0, s4, 0x20).Store(to);
        Avx.Permute2x128(s1, s5, 0x20).Store(to + toRow);
        Avx.Permute2x128(s2, s6, 0x20).Store(to + 2 * toRow);
        Avx.Permute2x128(s3, s7, 0x20).Store(to + 3 * toRow);
        to += 4 * toRow;
        Avx.Permute2x128(s0, s4, 0x31).Store(to);
        Avx.Permute2x128(s1, s5, 0x31).Store(to + toRow);
        Avx.Permute2x128(s2, s6, 0x31).Store(to + 2 * toRow);
        Avx.Permute2x128(s3, s7, 0x31).Store(to + 3 * toRow);
    }
}
