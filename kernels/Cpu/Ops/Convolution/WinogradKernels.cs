using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <summary>Transforms the kernels of a layer and packs them as the register tiles read them. Lanes are the rows of a tile; parts are ranges of tiles.</summary>
internal readonly unsafe struct WinogradKernels<T>(WinogradCall call, int parts) : IParallelJob where T : unmanaged, IWideLane<T>
{
    private const int Lanes = 16;
    private const int Taps = 9;

    // Kernels of one tile's rows that are transposed at a time, where they are neighbours.
    private const int Batch = 16;

    public int Parts => parts;

    public void Run(int part, int thread)
    {
        var taps = call.Device.Scratch(thread, Batch * Taps * Lanes);
        var (first, end) = Stretch.Items(part, parts, call.RowTiles);
        for (var tile = first; tile < end; tile++)
        {
            var row = (int)((long)tile * call.Rows / call.RowTiles);
            var rows = (int)((long)(tile + 1) * call.Rows / call.RowTiles) - row;
            var batch = call.WeightDepth == Taps ? Batch : 1;
            for (var k = 0; k < call.Depth; k += batch)
            {
                var count = Math.Min(batch, call.Depth - k);
                Panels.TransposeToLanes(call.Weights + row * call.WeightRow + k * call.WeightDepth, call.WeightRow, taps, Lanes, rows, count * Taps);
                for (var i = 0; i < count; i++) Transform(taps + i * Taps * Lanes, tile, k + i);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private void Transform(float* g, int tile, int k)
    {
        var step = (long)call.RowTiles * call.Depth * call.TileHeight;
        var to = call.Kernels + ((long)tile * call.Depth + k) * call.TileHeight;
        // Whole vectors reach into the next k, which come after; nothing may reach past the tile.
        var count = Math.Min(Lanes, (call.Depth - k) * call.TileHeight);
        var (along, across) = call.Turned ? (-step, -4 * step) : (step, 4 * step);
        if (call.Turned) to += 15 * step;
        Winograd.Weights(T.Load(g), T.Load(g + 3 * Lanes), T.Load(g + 6 * Lanes), out var a0, out var a1, out var a2, out var a3);
        Winograd.Weights(T.Load(g + Lanes), T.Load(g + 4 * Lanes), T.Load(g + 7 * Lanes), out var b0, out var b1, out var b2, out var b3);
        Winograd.Weights(T.Load(g + 2 * Lanes), T.Load(g + 5 * Lanes), T.Load(g + 8 * Lanes), out var c0, out var c1, out var c2, out var c3);
        // Turned, rows and columns 0 and 3 change places and 1 and 2 stay.
        var (inner, second) = call.Turned ? (2 * across, across) : (across, 2 * across);
        var (innerX, secondX) = call.Turned ? (2 * along, along) : (along, 2 * along);
        Line(to, innerX, secondX, 3 * along, count, a0, b0, c0);
        Line(to + inner, innerX, secondX, 3 * along, count, a1, b1, c1);
        Line(to + second, innerX, secondX, 3 * along, count, a2, b2, c2);
        Line(to + 3 * across, innerX, secondX, 3 * along, count, a3, b3, c3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Line(float* to, long first, long second, long last, int count, T a, T b, T c)
    {
        Winograd.Weights(a, b, c, out var u0, out var u1, out var u2, out var u3);
        if (count == Lanes)
        {
            T.Store(to, u0);
            T.Store(to + first, u1);
            T.Store(to + second, u2);
            T.Store(to + last, u3);
            return;
        }
        T.StorePart(to, count, u0);
        T.StorePart(to + first, count, u1);
        T.StorePart(to + second, count, u2);
        T.StorePart(to + last, count, u3);
    }
}
