using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace DistTrain.Kernels;

/// <summary>The tap tile on Vector512: up to 12 rows x 16 or 32 columns.</summary>
internal static unsafe class TapTile512
{
    public const int Lanes = 16;

    public static int MaxRows(int vectors) => 12;

    public static void Run(int rows, int vectors, TapCall* tile)
    {
        if (vectors == 1) Run<Count1>(rows, tile);
        else Run<Count2>(rows, tile);
    }

    private static void Run<TVectors>(int rows, TapCall* tile) where TVectors : struct, ICount
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
    private static void Multiply<TRows, TVectors>(TapCall* tile) where TRows : struct, ICount where TVectors : struct, ICount
    {
        var rowOffset = tile->RowOffsets;
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
        long r00 = rowOffset[0];
        long r01 = TRows.Value > 1 ? rowOffset[1] : 0;
        long r02 = TRows.Value > 2 ? rowOffset[2] : 0;
        long r03 = TRows.Value > 3 ? rowOffset[3] : 0;
        long r04 = TRows.Value > 4 ? rowOffset[4] : 0;
        long r05 = TRows.Value > 5 ? rowOffset[5] : 0;
        long r06 = TRows.Value > 6 ? rowOffset[6] : 0;
        long r07 = TRows.Value > 7 ? rowOffset[7] : 0;
        long r08 = TRows.Value > 8 ? rowOffset[8] : 0;
        long r09 = TRows.Value > 9 ? rowOffset[9] : 0;
        long r10 = TRows.Value > 10 ? rowOffset[10] : 0;
        long r11 = TRows.Value > 11 ? rowOffset[11] : 0;
        var a = tile->A;
        var b = tile->B;
        var bStep = tile->BStep;
        var aOffset = tile->AOffsets;
        for (var end = aOffset + tile->Depth; aOffset < end; aOffset++, b += bStep)
        {
            var p = a + *aOffset;
            var x = Vector512.Load(b);
            var y = TVectors.Value > 1 ? Vector512.Load(b + Lanes) : default;
            Vector512<float> v;
            { v = Vector512.Create(p[r00]); c00a = Vector512.FusedMultiplyAdd(v, x, c00a); if (TVectors.Value > 1) c00b = Vector512.FusedMultiplyAdd(v, y, c00b); }
            if (TRows.Value > 1) { v = Vector512.Create(p[r01]); c01a = Vector512.FusedMultiplyAdd(v, x, c01a); if (TVectors.Value > 1) c01b = Vector512.FusedMultiplyAdd(v, y, c01b); }
            if (TRows.Value > 2) { v = Vector512.Create(p[r02]); c02a = Vector512.FusedMultiplyAdd(v, x, c02a); if (TVectors.Value > 1) c02b = Vector512.FusedMultiplyAdd(v, y, c02b); }
            if (TRows.Value > 3) { v = Vector512.Create(p[r03]); c03a = Vector512.FusedMultiplyAdd(v, x, c03a); if (TVectors.Value > 1) c03b = Vector512.FusedMultiplyAdd(v, y, c03b); }
            if (TRows.Value > 4) { v = Vector512.Create(p[r04]); c04a = Vector512.FusedMultiplyAdd(v, x, c04a); if (TVectors.Value > 1) c04b = Vector512.FusedMultiplyAdd(v, y, c04b); }
            if (TRows.Value > 5) { v = Vector512.Create(p[r05]); c05a = Vector512.FusedMultiplyAdd(v, x, c05a); if (TVectors.Value > 1) c05b = Vector512.FusedMultiplyAdd(v, y, c05b); }
            if (TRows.Value > 6) { v = Vector512.Create(p[r06]); c06a = Vector512.FusedMultiplyAdd(v, x, c06a); if (TVectors.Value > 1) c06b = Vector512.FusedMultiplyAdd(v, y, c06b); }
            if (TRows.Value > 7) { v = Vector512.Create(p[r07]); c07a = Vector512.FusedMultiplyAdd(v, x, c07a); if (TVectors.Value > 1) c07b = Vector512.FusedMultiplyAdd(v, y, c07b); }
            if (TRows.Value > 8) { v = Vector512.Create(p[r08]); c08a = Vector512.FusedMultiplyAdd(v, x, c08a); if (TVectors.Value > 1) c08b = Vector512.FusedMultiplyAdd(v, y, c08b); }
            if (TRows.Value > 9) { v = Vector512.Create(p[r09]); c09a = Vector512.FusedMultiplyAdd(v, x, c09a); if (TVectors.Value > 1) c09b = Vector512.FusedMultiplyAdd(v, y, c09b); }
            if (TRows.Value > 10) { v = Vector512.Create(p[r10]); c10a = Vector512.FusedMultiplyAdd(v, x, c10a); if (TVectors.Value > 1) c10b = Vector512.FusedMultiplyAdd(v, y, c10b); }
            if (TRows.Value > 11) { v = Vector512.Create(p[r11]); c11a = Vector512.FusedMultiplyAdd(v, x, c11a); if (TVectors.Value > 1) c11b = Vector512.FusedMultiplyAdd(v, y, c11b); }
        }
        var c = tile->C;
        var row = tile->CRow;
        { c00a.Store(c); if (TVectors.Value > 1) c00b.Store(c + Lanes); }
        if (TRows.Value > 1) { c += row; c01a.Store(c); if (TVectors.Value > 1) c01b.Store(c + Lanes); }
        if (TRows.Value > 2) { c += row; c02a.Store(c); if (TVectors.Value > 1) c02b.Store(c + Lanes); }
        if (TRows.Value > 3) { c += row; c03a.Store(c); if (TVectors.Value > 1) c03b.Store(c + Lanes); }
        if (TRows.Value > 4) { c += row; c04a.Store(c); if (TVectors.Value > 1) c04b.Store(c + Lanes); }
        if (TRows.Value > 5) { c += row; c05a.Store(c); if (TVectors.Value > 1) c05b.Store(c + Lanes); }
        if (TRows.Value > 6) { c += row; c06a.Store(c); if (TVectors.Value > 1) c06b.Store(c + Lanes); }
        if (TRows.Value > 7) { c += row; c07a.Store(c); if (TVectors.Value > 1) c07b.Store(c + Lanes); }
        if (TRows.Value > 8) { c += row; c08a.Store(c); if (TVectors.Value > 1) c08b.Store(c + Lanes); }
        if (TRows.Value > 9) { c += row; c09a.Store(c); if (TVectors.Value > 1) c09b.Store(c + Lanes); }
        if (TRows.Value > 10) { c += row; c10a.Store(c); if (TVectors.Value > 1) c10b.Store(c + Lanes); }
        if (TRows.Value > 11) { c += row; c11a.Store(c); if (TVectors.Value > 1) c11b.Store(c + Lanes); }
    }
}
