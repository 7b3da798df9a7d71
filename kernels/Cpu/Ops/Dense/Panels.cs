using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace DistTrain.Kernels;

/// <summary>Moves matrices into the layouts that the tile kernel streams. Moving never changes bits.</summary>
internal static unsafe class Panels
{
    /// <summary>to [columns, rows] = from [rows, columns] transposed; rows of each lie fromRow and toRow apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Transpose(float* from, long fromRow, float* to, long toRow, int rows, int columns)
    {
        var row = 0;
        if (Avx.IsSupported)
            for (; row + 8 <= rows; row += 8)
            {
                var column = 0;
                for (; column + 8 <= columns; column += 8)
                    Transpose8x8(from + row * fromRow + column, fromRow, to + column * toRow + row, toRow);
                if (column < columns) TransposeAny(from + row * fromRow + column, fromRow, to + column * toRow + row, toRow, 8, columns - column);
            }
        if (Sse.IsSupported)
            for (; row + 4 <= rows; row += 4)
            {
                var column = 0;
                for (; column + 4 <= columns; column += 4)
                    Transpose4x4(from + row * fromRow + column, fromRow, to + column * toRow + row, toRow);
                if (column < columns) TransposeAny(from + row * fromRow + column, fromRow, to + column * toRow + row, toRow, 4, columns - column);
            }
        if (row < rows) TransposeAny(from + row * fromRow, fromRow, to + row, toRow, rows - row, columns);
    }

    /// <summary>to [rows, columns] = from [rows, columns].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Copy(float* from, long fromRow, float* to, long toRow, int rows, int columns)
    {
        for (var row = 0; row < rows; row++, from += fromRow, to += toRow)
        {
            var column = 0;
            for (; column + 16 <= columns; column += 16)
            {
                Vector256.Load(from + column).Store(to + column);
                Vector256.Load(from + column + 8).Store(to + column + 8);
            }
            for (; column + 4 <= columns; column += 4) Vector128.Load(from + column).Store(to + column);
            for (; column < columns; column++) to[column] = from[column];
        }
    }

    public static void Zero(float* to, long count) => new Span<byte>(to, checked((int)(count * sizeof(float)))).Clear();

    /// <summary>offsets[k] = k · stride.</summary>
    public static void Offsets(int* offsets, int count, long stride)
    {
        for (var k = 0; k < count; k++) offsets[k] = (int)(k * stride);
    }

    private static void TransposeAny(float* from, long fromRow, float* to, long toRow, int rows, int columns)
    {
        for (var column = 0; column < columns; column++)
            for (var row = 0; row < rows; row++) to[column * toRow + row] = from[row * fromRow + column];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose4x4(float* from, long fromRow, float* to, long toRow)
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
    private static void Transpose8x8(float* from, long fromRow, float* to, long toRow)
    {
        var r0 = Vector256.Load(from);
        var r1 = Vector256.Load(from + fromRow);
        var r2 = Vector256.Load(from + 2 * fromRow);
        var r3 = Vector256.Load(from + 3 * fromRow);
        from += 4 * fromRow;
        var r4 = Vector256.Load(from);
        var r5 = Vector256.Load(from + fromRow);
        var r6 = Vector256.Load(from + 2 * fromRow);
        var r7 = Vector256.Load(from + 3 * fromRow);
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
