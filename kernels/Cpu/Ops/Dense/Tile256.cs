using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace DistTrain.Kernels;

/// <summary>The tile kernel on Vector256: up to 6 rows x 16 columns, 12 accumulators held as locals (arrays and spans would spill).</summary>
/// <remarks>Rows above TRows and the second vector fall away when the type arguments are compiled: each height is its own machine code.</remarks>
internal static unsafe class Tile256
{
    public const int MaxRows = 6;
    public const int Lanes = 8;
    public const int MaxColumns = 2 * Lanes;

    public static void Run(int rows, int vectors, TileCall* tile)
    {
        if (vectors == 1) Run<Count1>(rows, tile);
        else Run<Count2>(rows, tile);
    }

    private static void Run<TVectors>(int rows, TileCall* tile) where TVectors : struct, ICount
    {
        switch (rows)
        {
            case 1: Multiply<Count1, TVectors>(tile); break;
            case 2: Multiply<Count2, TVectors>(tile); break;
            case 3: Multiply<Count3, TVectors>(tile); break;
            case 4: Multiply<Count4, TVectors>(tile); break;
            case 5: Multiply<Count5, TVectors>(tile); break;
            case 6: Multiply<Count6, TVectors>(tile); break;
            default: throw new ArgumentOutOfRangeException(nameof(rows));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply<TRows, TVectors>(TileCall* tile) where TRows : struct, ICount where TVectors : struct, ICount
    {
        Vector256<float> c00a = default, c00b = default;
        Vector256<float> c01a = default, c01b = default;
        Vector256<float> c02a = default, c02b = default;
        Vector256<float> c03a = default, c03b = default;
        Vector256<float> c04a = default, c04b = default;
        Vector256<float> c05a = default, c05b = default;
        const int stride = MaxColumns;
        var row = tile->ARow;
        var (row2, row3, row4) = (2 * row, 3 * row, 4 * row);
        var b = tile->B;
        var a = tile->A;
        var aOffset = tile->AOffsets;
        var bOffset = tile->BOffsets;
        var stack = tile->Stack;
        if (tile->Accumulate)
        {
            var c = tile->C;
            var cRow = tile->CRow;
            { c00a = Vector256.Load(c); if (TVectors.Value > 1) c00b = Vector256.Load(c + Lanes); }
            if (TRows.Value > 1) { c += cRow; c01a = Vector256.Load(c); if (TVectors.Value > 1) c01b = Vector256.Load(c + Lanes); }
            if (TRows.Value > 2) { c += cRow; c02a = Vector256.Load(c); if (TVectors.Value > 1) c02b = Vector256.Load(c + Lanes); }
            if (TRows.Value > 3) { c += cRow; c03a = Vector256.Load(c); if (TVectors.Value > 1) c03b = Vector256.Load(c + Lanes); }
            if (TRows.Value > 4) { c += cRow; c04a = Vector256.Load(c); if (TVectors.Value > 1) c04b = Vector256.Load(c + Lanes); }
            if (TRows.Value > 5) { c += cRow; c05a = Vector256.Load(c); if (TVectors.Value > 1) c05b = Vector256.Load(c + Lanes); }
        }
        for (var run = 0; ;)
        {
            for (var end = aOffset + tile->RunRows[run]; aOffset < end; aOffset++, bOffset++)
            {
                var p = a + *aOffset;
                var q = b + *bOffset;
                var x = Vector256.Load(q);
                var y = TVectors.Value > 1 ? Vector256.Load(q + Lanes) : default;
                Vector256<float> v;
                { v = Vector256.Create(*p); c00a = Vector256.FusedMultiplyAdd(v, x, c00a); if (TVectors.Value > 1) c00b = Vector256.FusedMultiplyAdd(v, y, c00b); }
                if (TRows.Value > 1) { v = Vector256.Create(p[row]); c01a = Vector256.FusedMultiplyAdd(v, x, c01a); if (TVectors.Value > 1) c01b = Vector256.FusedMultiplyAdd(v, y, c01b); }
                if (TRows.Value > 2) { v = Vector256.Create(p[row2]); c02a = Vector256.FusedMultiplyAdd(v, x, c02a); if (TVectors.Value > 1) c02b = Vector256.FusedMultiplyAdd(v, y, c02b); }
                if (TRows.Value > 3) { v = Vector256.Create(p[row3]); c03a = Vector256.FusedMultiplyAdd(v, x, c03a); if (TVectors.Value > 1) c03b = Vector256.FusedMultiplyAdd(v, y, c03b); }
                if (TRows.Value > 4) p += row4;
                if (TRows.Value > 4) { v = Vector256.Create(*p); c04a = Vector256.FusedMultiplyAdd(v, x, c04a); if (TVectors.Value > 1) c04b = Vector256.FusedMultiplyAdd(v, y, c04b); }
                if (TRows.Value > 5) { v = Vector256.Create(p[row]); c05a = Vector256.FusedMultiplyAdd(v, x, c05a); if (TVectors.Value > 1) c05b = Vector256.FusedMultiplyAdd(v, y, c05b); }
            }
            for (var merges = tile->RunMerges[run]; merges > 0; merges--)
            {
                stack -= TRows.Value * stride;
                { c00a = Vector256.LoadAligned(stack + 0 * stride) + c00a; if (TVectors.Value > 1) c00b = Vector256.LoadAligned(stack + 0 * stride + Lanes) + c00b; }
                if (TRows.Value > 1) { c01a = Vector256.LoadAligned(stack + 1 * stride) + c01a; if (TVectors.Value > 1) c01b = Vector256.LoadAligned(stack + 1 * stride + Lanes) + c01b; }
                if (TRows.Value > 2) { c02a = Vector256.LoadAligned(stack + 2 * stride) + c02a; if (TVectors.Value > 1) c02b = Vector256.LoadAligned(stack + 2 * stride + Lanes) + c02b; }
                if (TRows.Value > 3) { c03a = Vector256.LoadAligned(stack + 3 * stride) + c03a; if (TVectors.Value > 1) c03b = Vector256.LoadAligned(stack + 3 * stride + Lanes) + c03b; }
                if (TRows.Value > 4) { c04a = Vector256.LoadAligned(stack + 4 * stride) + c04a; if (TVectors.Value > 1) c04b = Vector256.LoadAligned(stack + 4 * stride + Lanes) + c04b; }
                if (TRows.Value > 5) { c05a = Vector256.LoadAligned(stack + 5 * stride) + c05a; if (TVectors.Value > 1) c05b = Vector256.LoadAligned(stack + 5 * stride + Lanes) + c05b; }
            }
            if (++run == tile->RunCount) break;
            { c00a.StoreAligned(stack + 0 * stride); c00a = default; if (TVectors.Value > 1) { c00b.StoreAligned(stack + 0 * stride + Lanes); c00b = default; } }
            if (TRows.Value > 1) { c01a.StoreAligned(stack + 1 * stride); c01a = default; if (TVectors.Value > 1) { c01b.StoreAligned(stack + 1 * stride + Lanes); c01b = default; } }
            if (TRows.Value > 2) { c02a.StoreAligned(stack + 2 * stride); c02a = default; if (TVectors.Value > 1) { c02b.StoreAligned(stack + 2 * stride + Lanes); c02b = default; } }
            if (TRows.Value > 3) { c03a.StoreAligned(stack + 3 * stride); c03a = default; if (TVectors.Value > 1) { c03b.StoreAligned(stack + 3 * stride + Lanes); c03b = default; } }
            if (TRows.Value > 4) { c04a.StoreAligned(stack + 4 * stride); c04a = default; if (TVectors.Value > 1) { c04b.StoreAligned(stack + 4 * stride + Lanes); c04b = default; } }
            if (TRows.Value > 5) { c05a.StoreAligned(stack + 5 * stride); c05a = default; if (TVectors.Value > 1) { c05b.StoreAligned(stack + 5 * stride + Lanes); c05b = default; } }
            stack += TRows.Value * stride;
        }
        if (tile->RowBias != null)
        {
            var bias = tile->RowBias;
            { var v = Vector256.Create(bias[0]); c00a += v; if (TVectors.Value > 1) c00b += v; }
            if (TRows.Value > 1) { var v = Vector256.Create(bias[1]); c01a += v; if (TVectors.Value > 1) c01b += v; }
            if (TRows.Value > 2) { var v = Vector256.Create(bias[2]); c02a += v; if (TVectors.Value > 1) c02b += v; }
            if (TRows.Value > 3) { var v = Vector256.Create(bias[3]); c03a += v; if (TVectors.Value > 1) c03b += v; }
            if (TRows.Value > 4) { var v = Vector256.Create(bias[4]); c04a += v; if (TVectors.Value > 1) c04b += v; }
            if (TRows.Value > 5) { var v = Vector256.Create(bias[5]); c05a += v; if (TVectors.Value > 1) c05b += v; }
        }
        if (tile->ColumnBias != null)
        {
            var x = Vector256.Load(tile->ColumnBias);
            var y = TVectors.Value > 1 ? Vector256.Load(tile->ColumnBias + Lanes) : default;
            { c00a += x; if (TVectors.Value > 1) c00b += y; }
            if (TRows.Value > 1) { c01a += x; if (TVectors.Value > 1) c01b += y; }
            if (TRows.Value > 2) { c02a += x; if (TVectors.Value > 1) c02b += y; }
            if (TRows.Value > 3) { c03a += x; if (TVectors.Value > 1) c03b += y; }
            if (TRows.Value > 4) { c04a += x; if (TVectors.Value > 1) c04b += y; }
            if (TRows.Value > 5) { c05a += x; if (TVectors.Value > 1) c05b += y; }
        }
        if (tile->Relu)
        {
            { c00a = Relu(c00a); if (TVectors.Value > 1) c00b = Relu(c00b); }
            if (TRows.Value > 1) { c01a = Relu(c01a); if (TVectors.Value > 1) c01b = Relu(c01b); }
            if (TRows.Value > 2) { c02a = Relu(c02a); if (TVectors.Value > 1) c02b = Relu(c02b); }
            if (TRows.Value > 3) { c03a = Relu(c03a); if (TVectors.Value > 1) c03b = Relu(c03b); }
            if (TRows.Value > 4) { c04a = Relu(c04a); if (TVectors.Value > 1) c04b = Relu(c04b); }
            if (TRows.Value > 5) { c05a = Relu(c05a); if (TVectors.Value > 1) c05b = Relu(c05b); }
        }
        var to = tile->C;
        var toRow = tile->CRow;
        { c00a.Store(to); if (TVectors.Value > 1) c00b.Store(to + Lanes); }
        if (TRows.Value > 1) { to += toRow; c01a.Store(to); if (TVectors.Value > 1) c01b.Store(to + Lanes); }
        if (TRows.Value > 2) { to += toRow; c02a.Store(to); if (TVectors.Value > 1) c02b.Store(to + Lanes); }
        if (TRows.Value > 3) { to += toRow; c03a.Store(to); if (TVectors.Value > 1) c03b.Store(to + Lanes); }
        if (TRows.Value > 4) { to += toRow; c04a.Store(to); if (TVectors.Value > 1) c04b.Store(to + Lanes); }
        if (TRows.Value > 5) { to += toRow; c05a.Store(to); if (TVectors.Value > 1) c05b.Store(to + Lanes); }
    }

    // y < 0 ? 0 : y. NaN stays.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Relu(Vector256<float> y) => Vector256.ConditionalSelect(Vector256.LessThan(y, default), default, y);
}
