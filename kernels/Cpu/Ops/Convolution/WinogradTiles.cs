using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <summary>Source transform, 16 products and target transform of a group of strips after the other. Tiles are numbered (sample, y, x); parts are ranges of strips.</summary>
internal readonly unsafe struct WinogradTiles<T>(WinogradCall call, int parts) : IParallelJob where T : unmanaged, IWideLane<T>
{
    private const int Lanes = 16;

    // Floats of transformed source and products at a time: more strips in a group read the kernels less often.
    private const long GroupFloats = 1 << 18;
    private const int MostStrips = 4;

    private readonly int _pitch = 2 * call.TilesX + 2;

    // A vector's lanes past a line of tiles spill over what comes next, and after the last line into the gap.
    private readonly long _sourceStep = (long)call.Depth * call.StripWidth + Lanes;
    private readonly long _targetStep = (long)call.Rows * call.StripWidth + Lanes;

    public int Parts => parts;

    public void Run(int part, int thread)
    {
        var strips = call.Strips;
        var (first, end) = (part * strips / parts, (part + 1) * strips / parts);
        var (source, target) = (Winograd.Elements * _sourceStep, Winograd.Elements * _targetStep);
        var group = Math.Max(Math.Min(MostStrips, end - first), Math.Min(end - first, GroupFloats / (source + target)));
        var plane = ((2L * call.TilesY + 2) * _pitch + 3 * Lanes + 15) & ~15L;
        var scratch = call.Device.Scratch(thread, plane + group * (source + target));
        Panels.Zero(scratch, plane);
        for (var strip = first; strip < end; strip += group)
        {
            var count = (int)Math.Min(group, end - strip);
            var tiles = Math.Min(call.Tiles, (strip + count) * call.StripWidth) - strip * call.StripWidth;
            for (var k = 0; k < call.Depth; k++) TransformSource(strip * call.StripWidth, (int)tiles, k, scratch, scratch + plane);
            Multiply(count, (int)tiles, scratch + plane, scratch + plane + group * source);
            for (var row = 0; row < call.Rows; row++) TransformTarget(strip * call.StripWidth, (int)tiles, row, scratch + plane + group * source);
        }
    }

    private void Multiply(int strips, int tiles, float* source, float* target)
    {
        var (depth, noMerges) = (call.Depth, 0);
        var tile = new TileCall { ARow = 1, AOffsets = call.AOffsets, BOffsets = call.BOffsets, RunRows = &depth, RunMerges = &noMerges, RunCount = 1, CRow = call.StripWidth };
        for (var element = 0; element < Winograd.Elements; element++)
            for (var rowTile = 0; rowTile < call.RowTiles; rowTile++)
            {
                var row = (int)((long)rowTile * call.Rows / call.RowTiles);
                var rows = (int)((long)(rowTile + 1) * call.Rows / call.RowTiles) - row;
                tile.A = call.Kernels + ((long)element * call.RowTiles + rowTile) * call.Depth * call.TileHeight;
                for (var strip = 0; strip < strips; strip++)
                {
                    tile.B = source + (strip * Winograd.Elements + element) * _sourceStep;
                    tile.C = target + (strip * Winograd.Elements + element) * _targetStep + (long)row * call.StripWidth;
                    var vectors = (tiles - strip * call.StripWidth) * 2 > call.StripWidth ? 2 : 1;
                    if (call.Wide) Tile512.Run(rows, vectors, &tile);
                    else Tile256.Run(rows, vectors, &tile);
                }
            }
    }

    // Tiles [first, first + count) of channel k. The plane's border stays zero: lines of the source always go to the same place.
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private void TransformSource(long first, int count, int k, float* plane, float* strips)
    {
        var perSample = call.TilesY * call.TilesX;
        var filled = -1L;
        for (var done = 0; done < count;)
        {
            var (sample, place) = Math.DivRem(first + done, perSample);
            var (y, x) = Math.DivRem((int)place, call.TilesX);
            if (sample != filled)
            {
                // The lines that the group's tiles of this sample read.
                var lastY = (int)Math.Min(call.TilesY - 1L, (place + count - done - 1) / call.TilesX);
                var (from, to) = (Math.Max(0, 2 * y - call.PadY), Math.Min(call.SourceHeight, 2 * lastY + 4 - call.PadY));
                if (to > from)
                    Panels.Copy(call.Source + ((sample * call.Depth + k) * call.SourceHeight + from) * call.SourceWidth, call.SourceWidth,
                        plane + (long)(from + call.PadY) * _pitch + call.PadX, _pitch, to - from, call.SourceWidth);
                filled = sample;
            }
            var (strip, lane) = Math.DivRem(done, call.StripWidth);
            var run = Math.Min(Math.Min(Lanes, count - done), Math.Min(call.TilesX - x, call.StripWidth - lane));
            var d = plane + 2L * y * _pitch + 2 * x;
            var to0 = strips + strip * Winograd.Elements * _sourceStep + (long)k * call.StripWidth + lane;
            Columns(d, out var d00, out var d01, out var d02, out var d03);
            Columns(d + _pitch, out var d10, out var d11, out var d12, out var d13);
            Columns(d + 2 * _pitch, out var d20, out var d21, out var d22, out var d23);
            Columns(d + 3 * _pitch, out var d30, out var d31, out var d32, out var d33);
            Winograd.Source(d00, d10, d20, d30, out var a0, out var a1, out var a2, out var a3);
            Winograd.Source(d01, d11, d21, d31, out var b0, out var b1, out var b2, out var b3);
            Winograd.Source(d02, d12, d22, d32, out var c0, out var c1, out var c2, out var c3);
            Winograd.Source(d03, d13, d23, d33, out var e0, out var e1, out var e2, out var e3);
            StoreSource(to0, a0, b0, c0, e0);
            StoreSource(to0 + 4 * _sourceStep, a1, b1, c1, e1);
            StoreSource(to0 + 8 * _sourceStep, a2, b2, c2, e2);
            StoreSource(to0 + 12 * _sourceStep, a3, b3, c3, e3);
            done += run;
        }
    }

    // Columns 2t, 2t + 1, 2t + 2 and 2t + 3 of sixteen tiles t.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Columns(float* line, out T c0, out T c1, out T c2, out T c3)
    {
        var (low, high) = (T.Load(line), T.Load(line + Lanes));
        (c0, c1) = (T.Evens(low, high), T.Odds(low, high));
        (low, high) = (T.Load(line + 2), T.Load(line + Lanes + 2));
        (c2, c3) = (T.Evens(low, high), T.Odds(low, high));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void StoreSource(float* to, T a, T b, T c, T d)
    {
        Winograd.Source(a, b, c, d, out var v0, out var v1, out var v2, out var v3);
        T.Store(to, v0);
        T.Store(to + _sourceStep, v1);
        T.Store(to + 2 * _sourceStep, v2);
        T.Store(to + 3 * _sourceStep, v3);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private void TransformTarget(long first, int count, int row, float* strips)
    {
        var perSample = call.TilesY * call.TilesX;
        var bias = call.Bias == null ? default : T.Of(call.Bias[row]);
        for (var done = 0; done < count;)
        {
            var (sample, place) = Math.DivRem(first + done, perSample);
            var (y, x) = Math.DivRem((int)place, call.TilesX);
            var (strip, lane) = Math.DivRem(done, call.StripWidth);
            var run = Math.Min(Math.Min(Lanes, count - done), Math.Min(call.TilesX - x, call.StripWidth - lane));
            var m = strips + strip * Winograd.Elements * _targetStep + (long)row * call.StripWidth + lane;
            LoadTarget(m, out var a0, out var b0);
            LoadTarget(m + 4 * _targetStep, out var a1, out var b1);
            LoadTarget(m + 8 * _targetStep, out var a2, out var b2);
            LoadTarget(m + 12 * _targetStep, out var a3, out var b3);
            Winograd.Target(a0, a1, a2, a3, out var y00, out var y10);
            Winograd.Target(b0, b1, b2, b3, out var y01, out var y11);
            if (call.Bias != null) (y00, y01, y10, y11) = (y00 + bias, y01 + bias, y10 + bias, y11 + bias);
            if (call.Relu) (y00, y01, y10, y11) = (Rectified(y00), Rectified(y01), Rectified(y10), Rectified(y11));
            var to = call.Target + ((sample * call.Rows + row) * call.Height + 2 * y) * call.Width + 2 * x;
            var columns = Math.Min(2 * run, call.Width - 2 * x);
            Store(to, columns, y00, y01);
            if (2 * y + 1 < call.Height) Store(to + call.Width, columns, y10, y11);
            done += run;
        }
    }

    // One line of elements, over x.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void LoadTarget(float* m, out T y0, out T y1) =>
        Winograd.Target(T.Load(m), T.Load(m + _targetStep), T.Load(m + 2 * _targetStep), T.Load(m + 3 * _targetStep), out y0, out y1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Rectified(T a) => T.IfGreater(T.Of(0f), a, T.Of(0f), a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* to, int columns, T evens, T odds)
    {
        T.Interleave(evens, odds, out var low, out var high);
        if (columns == 2 * Lanes)
        {
            T.Store(to, low);
            T.Store(to + Lanes, high);
            return;
        }
        T.StorePart(to, Math.Min(columns, Lanes), low);
        if (columns > Lanes) T.StorePart(to + Lanes, columns - Lanes, high);
    }
}
