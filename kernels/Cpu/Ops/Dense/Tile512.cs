using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace DistTrain.Kernels;

/// <summary>The tile kernel on Vector512: up to 12 rows x 32 columns, 24 accumulators held as locals (arrays and spans would spill).</summary>
/// <remarks>Rows above TRows and the second vector fall away when the type arguments are compiled: each height is its own machine code.</remarks>
internal static unsafe class Tile512
{
    public const int MaxRows = 12;
    public const int Lanes = 16;
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
            case 7: Multiply<Count7, TVectors>(tile); break;
            case 8: Multiply<Count8, TVectors>(tile); break;
            case 9: Multiply<Count9, TVectors>(tile); break;
            case 10: Multiply<Count10, TVectors>(tile); break;
            case 11: Multiply<Count11, TVectors>(tile); break;
            case 12: Multiply<Count12, TVectors>(tile); break;
            default: throw new ArgumentOutOfRangeException(nameof(rows));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply<TRows, TVectors>(TileCall* tile) where TRows : struct, ICount where TVectors : struct, ICount
    {
        Vector512<float> c00a = default, c00b = default;
        Vector512<float> c01a = default, c01b = default;
        Vector512<float> c02a = default, c02b = default;
        Vector512<float> c03a = default, c03b = default;
        Vector512<float> c04a = default, c04b = default;
        Vector512<float> c05a = default, c05b = default;
        Vector512<float> c06a = default, c06b = default;
        Vector512<float> c07a = default, c07b = default;
        Vector512<float> c08a = default, c08b = default;
        Vector512<float> c09a = default, c09b = default;
        Vector512<float> c10a = default, c10b = default;
        Vector512<float> c11a = default, c11b = default;
        const int stride = MaxColumns;
        var row = tile->ARow;
        var (row2, row3, row4) = (2 * row, 3 * row, 4 * row);
        var b = tile->B;
        var a = tile->A;
        var aOffset = tile->AOffsets;
        var bOffset = tile->BOffsets;
        var stack = tile->Stack;
        var ahead = tile->Ahead != null ? tile->Ahead : (byte*)a;
        var aheadStep = tile->AheadStep;
        if (tile->Accumulate)
        {
            var c = tile->C;
            var cRow = tile->CRow;
            { c00a = Vector512.Load(c); if (TVectors.Value > 1) c00b = Vector512.Load(c + Lanes); }
            if (TRows.Value > 1) { c += cRow; c01a = Vector512.Load(c); if (TVectors.Value > 1) c01b = Vector512.Load(c + Lanes); }
            if (TRows.Value > 2) { c += cRow; c02a = Vector512.Load(c); if (TVectors.Value > 1) c02b = Vector512.Load(c + Lanes); }
            if (TRows.Value > 3) { c += cRow; c03a = Vector512.Load(c); if (TVectors.Value > 1) c03b = Vector512.Load(c + Lanes); }
            if (TRows.Value > 4) { c += cRow; c04a = Vector512.Load(c); if (TVectors.Value > 1) c04b = Vector512.Load(c + Lanes); }
            if (TRows.Value > 5) { c += cRow; c05a = Vector512.Load(c); if (TVectors.Value > 1) c05b = Vector512.Load(c + Lanes); }
            if (TRows.Value > 6) { c += cRow; c06a = Vector512.Load(c); if (TVectors.Value > 1) c06b = Vector512.Load(c + Lanes); }
            if (TRows.Value > 7) { c += cRow; c07a = Vector512.Load(c); if (TVectors.Value > 1) c07b = Vector512.Load(c + Lanes); }
            if (TRows.Value > 8) { c += cRow; c08a = Vector512.Load(c); if (TVectors.Value > 1) c08b = Vector512.Load(c + Lanes); }
            if (TRows.Value > 9) { c += cRow; c09a = Vector512.Load(c); if (TVectors.Value > 1) c09b = Vector512.Load(c + Lanes); }
            if (TRows.Value > 10) { c += cRow; c10a = Vector512.Load(c); if (TVectors.Value > 1) c10b = Vector512.Load(c + Lanes); }
            if (TRows.Value > 11) { c += cRow; c11a = Vector512.Load(c); if (TVectors.Value > 1) c11b = Vector512.Load(c + Lanes); }
        }
        for (var run = 0; ;)
        {
            for (var end = aOffset + tile->RunRows[run]; aOffset < end; aOffset++, bOffset++)
            {
                var p = a + *aOffset;
                var q = b + *bOffset;
                // Tall tiles alone are worth the instruction.
                if (TRows.Value > 6 && TVectors.Value > 1)
                {
                    Sse.Prefetch1(ahead);
                    ahead += aheadStep;
                }
                var x = Vector512.Load(q);
                var y = TVectors.Value > 1 ? Vector512.Load(q + Lanes) : default;
                Vector512<float> v;
                { v = Vector512.Create(*p); c00a = Vector512.FusedMultiplyAdd(v, x, c00a); if (TVectors.Value > 1) c00b = Vector512.FusedMultiplyAdd(v, y, c00b); }
                if (TRows.Value > 1) { v = Vector512.Create(p[row]); c01a = Vector512.FusedMultiplyAdd(v, x, c01a); if (TVectors.Value > 1) c01b = Vector512.FusedMultiplyAdd(v, y, c01b); }
                if (TRows.Value > 2) { v = Vector512.Create(p[row2]); c02a = Vector512.FusedMultiplyAdd(v, x, c02a); if (TVectors.Value > 1) c02b = Vector512.FusedMultiplyAdd(v, y, c02b); }
                if (TRows.Value > 3) { v = Vector512.Create(p[row3]); c03a = Vector512.FusedMultiplyAdd(v, x, c03a); if (TVectors.Value > 1) c03b = Vector512.FusedMultiplyAdd(v, y, c03b); }
                if (TRows.Value > 4) p += row4;
                if (TRows.Value > 4) { v = Vector512.Create(*p); c04a = Vector512.FusedMultiplyAdd(v, x, c04a); if (TVectors.Value > 1) c04b = Vector512.FusedMultiplyAdd(v, y, c04b); }
                if (TRows.Value > 5) { v = Vector512.Create(p[row]); c05a = Vector512.FusedMultiplyAdd(v, x, c05a); if (TVectors.Value > 1) c05b = Vector512.FusedMultiplyAdd(v, y, c05b); }
                if (TRows.Value > 6) { v = Vector512.Create(p[row2]); c06a = Vector512.FusedMultiplyAdd(v, x, c06a); if (TVectors.Value > 1) c06b = Vector512.FusedMultiplyAdd(v, y, c06b); }
                if (TRows.Value > 7) { v = Vector512.Create(p[row3]); c07a = Vector512.FusedMultiplyAdd(v, x, c07a); if (TVectors.Value > 1) c07b = Vector512.FusedMultiplyAdd(v, y, c07b); }
                if (TRows.Value > 8) p += row4;
                if (TRows.Value > 8) { v = Vector512.Create(*p); c08a = Vector512.FusedMultiplyAdd(v, x, c08a); if (TVectors.Value > 1) c08b = Vector512.FusedMultiplyAdd(v, y, c08b); }
                if (TRows.Value > 9) { v = Vector512.Create(p[row]); c09a = Vector512.FusedMultiplyAdd(v, x, c09a); if (TVectors.Value > 1) c09b = Vector512.FusedMultiplyAdd(v, y, c09b); }
                if (TRows.Value > 10) { v = Vector512.Create(p[row2]); c10a = Vector512.FusedMultiplyAdd(v, x, c10a); if (TVectors.Value > 1) c10b = Vector512.FusedMultiplyAdd(v, y, c10b); }
                if (TRows.Value > 11) { v = Vector512.Create(p[row3]); c11a = Vector512.FusedMultiplyAdd(v, x, c11a); if (TVectors.Value > 1) c11b = Vector512.FusedMultiplyAdd(v, y, c11b); }
            }
            for (var merges = tile->RunMerges[run]; merges > 0; merges--)
            {
                stack -= TRows.Value * stride;
                { c00a = Vector512.LoadAligned(stack + 0 * stride) + c00a; if (TVectors.Value > 1) c00b = Vector512.LoadAligned(stack + 0 * stride + Lanes) + c00b; }
                if (TRows.Value > 1) { c01a = Vector512.LoadAligned(stack + 1 * stride) + c01a; if (TVectors.Value > 1) c01b = Vector512.LoadAligned(stack + 1 * stride + Lanes) + c01b; }
                if (TRows.Value > 2) { c02a = Vector512.LoadAligned(stack + 2 * stride) + c02a; if (TVectors.Value > 1) c02b = Vector512.LoadAligned(stack + 2 * stride + Lanes) + c02b; }
                if (TRows.Value > 3) { c03a = Vector512.LoadAligned(stack + 3 * stride) + c03a; if (TVectors.Value > 1) c03b = Vector512.LoadAligned(stack + 3 * stride + Lanes) + c03b; }
                if (TRows.Value > 4) { c04a = Vector512.LoadAligned(stack + 4 * stride) + c04a; if (TVectors.Value > 1) c04b = Vector512.LoadAligned(stack + 4 * stride + Lanes) + c04b; }
                if (TRows.Value > 5) { c05a = Vector512.LoadAligned(stack + 5 * stride) + c05a; if (TVectors.Value > 1) c05b = Vector512.LoadAligned(stack + 5 * stride + Lanes) + c05b; }
                if (TRows.Value > 6) { c06a = Vector512.LoadAligned(stack + 6 * stride) + c06a; if (TVectors.Value > 1) c06b = Vector512.LoadAligned(stack + 6 * stride + Lanes) + c06b; }
                if (TRows.Value > 7) { c07a = Vector512.LoadAligned(stack + 7 * stride) + c07a; if (TVectors.Value > 1) c07b = Vector512.LoadAligned(stack + 7 * stride + Lanes) + c07b; }
                if (TRows.Value > 8) { c08a = Vector512.LoadAligned(stack + 8 * stride) + c08a; if (TVectors.Value > 1) c08b = Vector512.LoadAligned(stack + 8 * stride + Lanes) + c08b; }
                if (TRows.Value > 9) { c09a = Vector512.LoadAligned(stack + 9 * stride) + c09a; if (TVectors.Value > 1) c09b = Vector512.LoadAligned(stack + 9 * stride + Lanes) + c09b; }
                if (TRows.Value > 10) { c10a = Vector512.LoadAligned(stack + 10 * stride) + c10a; if (TVectors.Value > 1) c10b = Vector512.LoadAligned(stack + 10 * stride + Lanes) + c10b; }
                if (TRows.Value > 11) { c11a = Vector512.LoadAligned(stack + 11 * stride) + c11a; if (TVectors.Value > 1) c11b = Vector512.LoadAligned(stack + 11 * stride + Lanes) + c11b; }
            }
            if (++run == tile->RunCount) break;
            { c00a.StoreAligned(stack + 0 * stride); c00a = default; if (TVectors.Value > 1) { c00b.StoreAligned(stack + 0 * stride + Lanes); c00b = default; } }
            if (TRows.Value > 1) { c01a.StoreAligned(stack + 1 * stride); c01a = default; if (TVectors.Value > 1) { c01b.StoreAligned(stack + 1 * stride + Lanes); c01b = default; } }
            if (TRows.Value > 2) { c02a.StoreAligned(stack + 2 * stride); c02a = default; if (TVectors.Value > 1) { c02b.StoreAligned(stack + 2 * stride + Lanes); c02b = default; } }
            if (TRows.Value > 3) { c03a.StoreAligned(stack + 3 * stride); c03a = default; if (TVectors.Value > 1) { c03b.StoreAligned(stack + 3 * stride + Lanes); c03b = default; } }
            if (TRows.Value > 4) { c04a.StoreAligned(stack + 4 * stride); c04a = default; if (TVectors.Value > 1) { c04b.StoreAligned(stack + 4 * stride + Lanes); c04b = default; } }
            if (TRows.Value > 5) { c05a.StoreAligned(stack + 5 * stride); c05a = default; if (TVectors.Value > 1) { c05b.StoreAligned(stack + 5 * stride + Lanes); c05b = default; } }
            if (TRows.Value > 6) { c06a.StoreAligned(stack + 6 * stride); c06a = default; if (TVectors.Value > 1) { c06b.StoreAligned(stack + 6 * stride + Lanes); c06b = default; } }
            if (TRows.Value > 7) { c07a.StoreAligned(stack + 7 * stride); c07a = default; if (TVectors.Value > 1) { c07b.StoreAligned(stack + 7 * stride + Lanes); c07b = default; } }
            if (TRows.Value > 8) { c08a.StoreAligned(stack + 8 * stride); c08a = default; if (TVectors.Value > 1) { c08b.StoreAligned(stack + 8 * stride + Lanes); c08b = default; } }
            if (TRows.Value > 9) { c09a.StoreAligned(stack + 9 * stride); c09a = default; if (TVectors.Value > 1) { c09b.StoreAligned(stack + 9 * stride + Lanes); c09b = default; } }
            if (TRows.Value > 10) { c10a.StoreAligned(stack + 10 * stride); c10a = default; if (TVectors.Value > 1) { c10b.StoreAligned(stack + 10 * stride + Lanes); c10b = default; } }
            if (TRows.Value > 11) { c11a.StoreAligned(stack + 11 * stride); c11a = default; if (TVectors.Value > 1) { c11b.StoreAligned(stack + 11 * stride + Lanes); c11b = default; } }
            stack += TRows.Value * stride;
        }
        if (tile->RowBias != null)
        {
            var bias = tile->RowBias;
            { var v = Vector512.Create(bias[0]); c00a += v; if (TVectors.Value > 1) c00b += v; }
            if (TRows.Value > 1) { var v = Vector512.Create(bias[1]); c01a += v; if (TVectors.Value > 1) c01b += v; }
            if (TRows.Value > 2) { var v = Vector512.Create(bias[2]); c02a += v; if (TVectors.Value > 1) c02b += v; }
            if (TRows.Value > 3) { var v = Vector512.Create(bias[3]); c03a += v; if (TVectors.Value > 1) c03b += v; }
            if (TRows.Value > 4) { var v = Vector512.Create(bias[4]); c04a += v; if (TVectors.Value > 1) c04b += v; }
            if (TRows.Value > 5) { var v = Vector512.Create(bias[5]); c05a += v; if (TVectors.Value > 1) c05b += v; }
            if (TRows.Value > 6) { var v = Vector512.Create(bias[6]); c06a += v; if (TVectors.Value > 1) c06b += v; }
            if (TRows.Value > 7) { var v = Vector512.Create(bias[7]); c07a += v; if (TVectors.Value > 1) c07b += v; }
            if (TRows.Value > 8) { var v = Vector512.Create(bias[8]); c08a += v; if (TVectors.Value > 1) c08b += v; }
            if (TRows.Value > 9) { var v = Vector512.Create(bias[9]); c09a += v; if (TVectors.Value > 1) c09b += v; }
            if (TRows.Value > 10) { var v = Vector512.Create(bias[10]); c10a += v; if (TVectors.Value > 1) c10b += v; }
            if (TRows.Value > 11) { var v = Vector512.Create(bias[11]); c11a += v; if (TVectors.Value > 1) c11b += v; }
        }
        if (tile->ColumnBias != null)
        {
            var x = Vector512.Load(tile->ColumnBias);
            var y = TVectors.Value > 1 ? Vector512.Load(tile->ColumnBias + Lanes) : default;
            { c00a += x; if (TVectors.Value > 1) c00b += y; }
            if (TRows.Value > 1) { c01a += x; if (TVectors.Value > 1) c01b += y; }
            if (TRows.Value > 2) { c02a += x; if (TVectors.Value > 1) c02b += y; }
            if (TRows.Value > 3) { c03a += x; if (TVectors.Value > 1) c03b += y; }
            if (TRows.Value > 4) { c04a += x; if (TVectors.Value > 1) c04b += y; }
            if (TRows.Value > 5) { c05a += x; if (TVectors.Value > 1) c05b += y; }
            if (TRows.Value > 6) { c06a += x; if (TVectors.Value > 1) c06b += y; }
            if (TRows.Value > 7) { c07a += x; if (TVectors.Value > 1) c07b += y; }
            if (TRows.Value > 8) { c08a += x; if (TVectors.Value > 1) c08b += y; }
            if (TRows.Value > 9) { c09a += x; if (TVectors.Value > 1) c09b += y; }
            if (TRows.Value > 10) { c10a += x; if (TVectors.Value > 1) c10b += y; }
            if (TRows.Value > 11) { c11a += x; if (TVectors.Value > 1) c11b += y; }
        }
        if (tile->Relu)
        {
            { c00a = Relu(c00a); if (TVectors.Value > 1) c00b = Relu(c00b); }
            if (TRows.Value > 1) { c01a = Relu(c01a); if (TVectors.Value > 1) c01b = Relu(c01b); }
            if (TRows.Value > 2) { c02a = Relu(c02a); if (TVectors.Value > 1) c02b = Relu(c02b); }
            if (TRows.Value > 3) { c03a = Relu(c03a); if (TVectors.Value > 1) c03b = Relu(c03b); }
            if (TRows.Value > 4) { c04a = Relu(c04a); if (TVectors.Value > 1) c04b = Relu(c04b); }
            if (TRows.Value > 5) { c05a = Relu(c05a); if (TVectors.Value > 1) c05b = Relu(c05b); }
            if (TRows.Value > 6) { c06a = Relu(c06a); if (TVectors.Value > 1) c06b = Relu(c06b); }
            if (TRows.Value > 7) { c07a = Relu(c07a); if (TVectors.Value > 1) c07b = Relu(c07b); }
            if (TRows.Value > 8) { c08a = Relu(c08a); if (TVectors.Value > 1) c08b = Relu(c08b); }
            if (TRows.Value > 9) { c09a = Relu(c09a); if (TVectors.Value > 1) c09b = Relu(c09b); }
            if (TRows.Value > 10) { c10a = Relu(c10a); if (TVectors.Value > 1) c10b = Relu(c10b); }
            if (TRows.Value > 11) { c11a = Relu(c11a); if (TVectors.Value > 1) c11b = Relu(c11b); }
        }
        var to = tile->C;
        var toRow = tile->CRow;
        { c00a.Store(to); if (TVectors.Value > 1) c00b.Store(to + Lanes); }
        if (TRows.Value > 1) { to += toRow; c01a.Store(to); if (TVectors.Value > 1) c01b.Store(to + Lanes); }
        if (TRows.Value > 2) { to += toRow; c02a.Store(to); if (TVectors.Value > 1) c02b.Store(to + Lanes); }
        if (TRows.Value > 3) { to += toRow; c03a.Store(to); if (TVectors.Value > 1) c03b.Store(to + Lanes); }
        if (TRows.Value > 4) { to += toRow; c04a.Store(to); if (TVectors.Value > 1) c04b.Store(to + Lanes); }
        if (TRows.Value > 5) { to += toRow; c05a.Store(to); if (TVectors.Value > 1) c05b.Store(to + Lanes); }
        if (TRows.Value > 6) { to += toRow; c06a.Store(to); if (TVectors.Value > 1) c06b.Store(to + Lanes); }
        if (TRows.Value > 7) { to += toRow; c07a.Store(to); if (TVectors.Value > 1) c07b.Store(to + Lanes); }
        if (TRows.Value > 8) { to += toRow; c08a.Store(to); if (TVectors.Value > 1) c08b.Store(to + Lanes); }
        if (TRows.Value > 9) { to += toRow; c09a.Store(to); if (TVectors.Value > 1) c09b.Store(to + Lanes); }
        if (TRows.Value > 10) { to += toRow; c10a.Store(to); if (TVectors.Value > 1) c10b.Store(to + Lanes); }
        if (TRows.Value > 11) { to += toRow; c11a.Store(to); if (TVectors.Value > 1) c11b.Store(to + Lanes); }
    }

    // y < 0 ? 0 : y. NaN stays.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Relu(Vector512<float> y) => Vector512.ConditionalSelect(Vector512.LessThan(y, default), default, y);
}
