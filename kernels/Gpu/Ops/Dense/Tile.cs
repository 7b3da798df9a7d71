using ILGPU;
using ILGPU.Runtime;

namespace DistTrain.Kernels;

/// <summary>The matrix product kernel: a group of S x S threads makes a tile of (S · micro)² outputs, both operands pass through shared memory in steps of k.</summary>
/// <remarks>
/// Tiles, groups and steps never change a bit: every output is one FMA chain in k order, kept in one thread's register.
/// Two buffers in shared memory: while one is multiplied, the next step's elements are on their way in registers.
/// </remarks>
internal static class Tile
{
    // k of one step x (tile + 4): 8 x 132 with 16 threads and microtile 8, 16 x 68 with microtile 4. The 4 spread a column over the banks.
    private const int BufferElements = 1088;

    public static void Product<TSide, TMicrotile, TProduct>(TProduct p)
        where TSide : struct, IGroupSide where TMicrotile : struct, IMicrotile where TProduct : struct, IProduct
    {
        // side S, tile = S · micro, depth = k of one step: each thread loads four elements of A and of B.
        var (side, tileLog) = (1 << TSide.Log2, TSide.Log2 + TMicrotile.Log2);
        var depthLog = TMicrotile.Log2 == 3 ? TSide.Log2 - 1 : TSide.Log2;
        var (tile, depth) = (1 << tileLog, 1 << depthLog);
        var (pitch, half) = (tile + 4, tile >> 3);
        var aShared = SharedMemory.Allocate<float>(2 * BufferElements);
        var bShared = SharedMemory.Allocate<float>(2 * BufferElements);
        var aFours = aShared.AsAligned(16).Cast<Float4>();
        var bFours = bShared.AsAligned(16).Cast<Float4>();

        var thread = Group.IdxX;
        var (tx, ty) = (thread & (side - 1), thread >> TSide.Log2);
        // One line of groups: columns' tiles within rows' tiles within parts.
        var (rowTiles, columnTiles) = ((p.Rows + tile - 1) >> tileLog, (p.Columns + tile - 1) >> tileLog);
        var line = Grid.IdxX / columnTiles;
        var part = line / rowTiles;
        var (row, column) = ((line - part * rowTiles) << tileLog, (Grid.IdxX - line * columnTiles) << tileLog);
        var (first, last) = (p.First(part), p.Last(part));

        // The four elements a thread loads: one k and four lines, or one line and four k.
        var lineStep = (side * side) >> depthLog;
        var kStep = (side * side) >> tileLog;
        var aLine = TProduct.AAlongK ? thread >> depthLog : thread & (tile - 1);
        var aK = TProduct.AAlongK ? thread & (depth - 1) : thread >> tileLog;
        var bLine = TProduct.BAlongK ? thread >> depthLog : thread & (tile - 1);
        var bK = TProduct.BAlongK ? thread & (depth - 1) : thread >> tileLog;
        var aLine0 = ARow(p, part, row + aLine);
        var (aLine1, aLine2, aLine3) = (aLine0, aLine0, aLine0);
        if (TProduct.AAlongK)
        {
            aLine1 = ARow(p, part, row + aLine + lineStep);
            aLine2 = ARow(p, part, row + aLine + 2 * lineStep);
            aLine3 = ARow(p, part, row + aLine + 3 * lineStep);
        }
        var bLine0 = BColumn(p, part, column + bLine);
        var (bLine1, bLine2, bLine3) = (bLine0, bLine0, bLine0);
        if (TProduct.BAlongK)
        {
            bLine1 = BColumn(p, part, column + bLine + lineStep);
            bLine2 = BColumn(p, part, column + bLine + 2 * lineStep);
            bLine3 = BColumn(p, part, column + bLine + 3 * lineStep);
        }
        var (aAt, aAtStep) = (aK * pitch + aLine, TProduct.AAlongK ? lineStep : kStep * pitch);
        var (bAt, bAtStep) = (bK * pitch + bLine, TProduct.BAlongK ? lineStep : kStep * pitch);

        var outputs = default(TMicrotile);
        outputs.Start(p, part, row + 4 * ty, column + 4 * tx, half);
        float a0, a1, a2, a3, b0, b1, b2, b3;
        var buffer = 0;
        for (var k = first - depth; k < last; k += depth)
        {
            // The first turn only loads.
            var (next, from) = (k + depth, buffer);
            (a0, a1, a2, a3, b0, b1, b2, b3) = (0f, 0f, 0f, 0f, 0f, 0f, 0f, 0f);
            if (next < last)
            {
                var aStep = AStep(p, part, next + aK, last);
                a0 = A(p, aLine0, aStep);
                if (!TProduct.AAlongK) aStep = AStep(p, part, next + aK + kStep, last);
                a1 = A(p, aLine1, aStep);
                if (!TProduct.AAlongK) aStep = AStep(p, part, next + aK + 2 * kStep, last);
                a2 = A(p, aLine2, aStep);
                if (!TProduct.AAlongK) aStep = AStep(p, part, next + aK + 3 * kStep, last);
                a3 = A(p, aLine3, aStep);
                var bStep = BStep(p, part, next + bK, last);
                b0 = B(p, bLine0, bStep);
                if (!TProduct.BAlongK) bStep = BStep(p, part, next + bK + kStep, last);
                b1 = B(p, bLine1, bStep);
                if (!TProduct.BAlongK) bStep = BStep(p, part, next + bK + 2 * kStep, last);
                b2 = B(p, bLine2, bStep);
                if (!TProduct.BAlongK) bStep = BStep(p, part, next + bK + 3 * kStep, last);
                b3 = B(p, bLine3, bStep);
            }
            if (k >= first)
            {
                var (aFour, bFour) = ((from >> 2) + ty, (from >> 2) + tx);
                for (var step = 0; step < depth; step++)
                {
                    outputs.Multiply(aFours, bFours, aFour, bFour, half);
                    aFour += pitch >> 2;
                    bFour += pitch >> 2;
                }
            }
            buffer = BufferElements - from;
            aShared[buffer + aAt] = a0;
            aShared[buffer + aAt + aAtStep] = a1;
            aShared[buffer + aAt + 2 * aAtStep] = a2;
            aShared[buffer + aAt + 3 * aAtStep] = a3;
            bShared[buffer + bAt] = b0;
            bShared[buffer + bAt + bAtStep] = b1;
            bShared[buffer + bAt + 2 * bAtStep] = b2;
            bShared[buffer + bAt + 3 * bAtStep] = b3;
            Group.Barrier();
        }
        outputs.Store(p, part, row + 4 * ty, column + 4 * tx, half);
    }

    public static int RowAt<TProduct>(TProduct p, int part, int row) where TProduct : struct, IProduct => row < p.Rows ? p.RowAt(part, row) : -1;

    public static int ColumnAt<TProduct>(TProduct p, int part, int column) where TProduct : struct, IProduct => column < p.Columns ? p.ColumnAt(part, column) : -1;

    public static float Start<TProduct>(TProduct p, int rowAt, int columnAt) where TProduct : struct, IProduct =>
        rowAt >= 0 && columnAt >= 0 ? p.Start(rowAt + columnAt) : 0f;

    public static void Store<TProduct>(TProduct p, int part, int row, int column, int rowAt, int columnAt, float sum) where TProduct : struct, IProduct
    {
        if (rowAt >= 0 && columnAt >= 0) p.Store(part, row, column, rowAt + columnAt, sum);
    }

    private static Cursor ARow<TProduct>(TProduct p, int part, int row) where TProduct : struct, IProduct => row < p.Rows ? p.ARow(part, row) : Cursor.Outside;

    private static Cursor BColumn<TProduct>(TProduct p, int part, int column) where TProduct : struct, IProduct =>
        column < p.Columns ? p.BColumn(part, column) : Cursor.Outside;

    private static Cursor AStep<TProduct>(TProduct p, int part, int k, int last) where TProduct : struct, IProduct => k < last ? p.AStep(part, k) : Cursor.Outside;

    private static Cursor BStep<TProduct>(TProduct p, int part, int k, int last) where TProduct : struct, IProduct => k < last ? p.BStep(part, k) : Cursor.Outside;

    private static float A<TProduct>(TProduct p, Cursor row, Cursor step) where TProduct : struct, IProduct => row.A >= 0 && step.A >= 0 ? p.A(row, step) : 0f;

    private static float B<TProduct>(TProduct p, Cursor column, Cursor step) where TProduct : struct, IProduct => column.A >= 0 && step.A >= 0 ? p.B(column, step) : 0f;
}
