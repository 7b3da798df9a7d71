using System.Runtime.Intrinsics.X86;

namespace DistTrain.Kernels;

internal unsafe partial struct Product
{
    /// <summary>The tiles of one part of the grid: strips of B packed a group at a time, all tiles of A past them.</summary>
    private partial struct TilesJob : IParallelJob
    {
        private const int PanelRows = 128;

        public CpuDevice Device;
        public Product Product;
        public bool Wide;
        public bool PackedA;
        public int Lanes;
        public int Width;
        public int MaxRows;
        public int Strips;
        public int Tiles;
        public int Height;
        public int StripParts;
        public int TileParts;
        public int Parts;

        /// <summary>Blocks along k, and strips packed at a time.</summary>
        public int BlockDepths;
        public bool ByRuns;
        public int Group;
        public int RunCount;
        public int StackDepth;
        public int* AOffsets;
        public int* BOffsets;
        public int* RunRows;
        public int* RunMerges;

        public readonly void Run(int part, int thread)
        {
            if (ByRuns)
            {
                RunByRuns(part, thread);
                return;
            }
            var tileFloats = (long)MaxRows * Width;
            var transposed = Product.CColumn != 1;
            var (firstStrip, endStrip) = Range(part / TileParts, StripParts, Strips);
            var (firstTile, endTile) = Range(part % TileParts, TileParts, Tiles);
            var group = Math.Min(Group, endStrip - firstStrip);
            var depth = BlockDepths == 0 ? 0 : (Product.Depth + BlockDepths - 1) / BlockDepths;
            var scratch = Device.Scratch(thread, tileFloats * (1 + StackDepth) + Width * group + (transposed ? PanelRows * Width * group : 0) + (long)depth * Width * group);
            var bias = scratch + tileFloats;
            var panel = bias + Width * group;
            var stack = panel + (transposed ? PanelRows * Width * group : 0);
            var packed = stack + tileFloats * StackDepth;
            var call = new TileCall { AOffsets = AOffsets, BOffsets = BOffsets, RunRows = RunRows, RunMerges = RunMerges, RunCount = RunCount, Stack = stack };
            for (var first = firstStrip; first < endStrip; first += group)
            {
                var strips = Math.Min(group, endStrip - first);
                if (Product.ColumnBias != null)
                    for (var j = 0; j < strips * Width; j++) bias[j] = first * Width + j < Product.Columns ? Product.ColumnBias[first * Width + j] : 0f;
                // One pass even without any k: C is then 0, or what it was.
                for (var k = 0; ; k += depth)
                {
                    var blockDepth = Math.Min(depth, Product.Depth - k);
                    var last = k + blockDepth >= Product.Depth;
                    if (RunCount == 1) call.RunRows = &blockDepth;
                    call.Accumulate = k > 0 || Product.Accumulate;
                    call.Relu = last && Product.Relu;
                    PackStrips(first, strips, k, blockDepth, packed, (long)depth * Width);
                    if (transposed) TransposedTiles(&call, panel, packed, first * Width, strips, firstTile, endTile);
                    else
                        for (var tile = firstTile; tile < endTile; tile++)
                            for (var strip = 0; strip < strips; strip++)
                            {
                                call.B = packed + (long)strip * depth * Width;
                                call.ColumnBias = last && Product.ColumnBias != null ? bias + strip * Width : null;
                                Foresee(&call, PackedA && tile + 1 < endTile ? tile + 1 : -1, k, blockDepth, strip, strips, first * Width);
                                StoredTile(&call, scratch, (first + strip) * Width, k, last, tile);
                            }
                    if (last) break;
                }
            }
        }

        private static (int First, int End) Range(int part, int parts, int count) => ((int)((long)part * count / parts), (int)((long)(part + 1) * count / parts));

        private readonly void StoredTile(TileCall* call, float* edge, int column, int k, bool last, int tile)
        {
            var (row, rows) = Place(call, tile, k, last);
            Store(call, edge, column, row, rows);
        }

        private readonly void Store(TileCall* call, float* edge, int column, int row, int rows)
        {
            var columns = Math.Min(Width, Product.Columns - column);
            var vectors = columns > Lanes ? 2 : 1;
            var whole = columns == vectors * Lanes;
            var c = Product.C + row * Product.CRow + column;
            call->C = whole ? c : edge;
            call->CRow = whole ? Product.CRow : Width;
            if (!whole && call->Accumulate) Panels.Copy(c, Product.CRow, edge, Width, rows, columns);
            // The next tile's elements of C come while this one is multiplied: their lines lie a row apart, which the hardware does not foresee.
            if (Sse.IsSupported)
                for (var i = 0; i < rows; i++)
                {
                    Sse.Prefetch0(c + i * Product.CRow + Width);
                    Sse.Prefetch0(c + i * Product.CRow + Width + 16);
                }
            Multiply(rows, vectors, call);
            if (!whole) Panels.Copy(edge, Width, c, Product.CRow, rows, columns);
        }

        // The next tile of A (-1 = none) comes from beyond the L2 while this one passes the strips, a share with each; with the last strip the next tile's first elements of C.
        private readonly void Foresee(TileCall* call, int tile, int k, int depth, int strip, int strips, int column)
        {
            call->Ahead = null;
            call->AheadStep = 0;
            if (tile < 0 || depth == 0) return;
            var bytes = (long)depth * Height * sizeof(float);
            call->Ahead = (byte*)(Product.A + ((long)tile * Product.Depth + k) * Height) + bytes * strip / strips;
            call->AheadStep = (bytes / strips + depth - 1) / depth;
            if (strip + 1 < strips || !Sse.IsSupported) return;
            var (row, endRow) = Range(tile, Tiles, Product.Rows);
            var c = Product.C + row * Product.CRow + column;
            for (; row < endRow; row++, c += Product.CRow)
            {
                Sse.Prefetch1(c);
                Sse.Prefetch1(c + 16);
            }
        }

        // A panel holds the rows of some tiles by all columns of the group, then goes out transposed.
        private readonly void TransposedTiles(TileCall* call, float* panel, float* packed, int column, int strips, int firstTile, int endTile)
        {
            var columns = Math.Min(strips * Width, Product.Columns - column);
            var (panelRow, filled) = (0, 0);
            call->CRow = strips * Width;
            for (var tile = firstTile; tile < endTile; tile++)
            {
                var (row, rows) = Place(call, tile, 0, last: true);
                if (filled + rows > PanelRows)
                {
                    Flush(panel, panelRow, filled, column, strips * Width, columns);
                    filled = 0;
                }
                if (filled == 0) panelRow = row;
                for (var strip = 0; strip < strips; strip++)
                {
                    call->B = packed + (long)strip * Product.Depth * Width;
                    call->C = panel + (long)filled * strips * Width + strip * Width;
                    Multiply(rows, columns - strip * Width > Lanes ? 2 : 1, call);
                }
                filled += rows;
            }
            Flush(panel, panelRow, filled, column, strips * Width, columns);
        }

        private readonly void Flush(float* panel, int row, int rows, int column, int panelWidth, int columns) =>
            Panels.Transpose(panel, panelWidth, Product.C + row * Product.CRow + column * Product.CColumn, Product.CColumn, rows, columns);

        private readonly (int Row, int Rows) Place(TileCall* call, int tile, int k, bool last)
        {
            var (row, end) = Range(tile, Tiles, Product.Rows);
            call->A = Product.A + (PackedA ? ((long)tile * Product.Depth + k) * Height : row * Product.ARow + k * Product.ADepth);
            call->ARow = PackedA ? 1 : Product.ARow;
            call->RowBias = last && Product.RowBias != null ? Product.RowBias + row : null;
            return (row, end - row);
        }

        private readonly void Multiply(int rows, int vectors, TileCall* call)
        {
            if (Wide) Tile512.Run(rows, vectors, call);
            else Tile256.Run(rows, vectors, call);
        }

        private readonly void PackStrips(int first, int strips, int k, int depth, float* to, long stripStep)
        {
            var whole = Math.Min(strips, Product.Columns / Width - first);
            if (Product.BColumn == 1 && whole > 1)
                Panels.Cut(Product.B + first * Width + k * Product.BDepth, Product.BDepth, to, stripStep, Width, depth, whole * Width);
            else whole = 0;
            for (var strip = whole; strip < strips; strip++) PackStrip((first + strip) * Width, k, depth, to + strip * stripStep);
        }

        // strip [k][Width]; lanes past the last column are zero where a vector reaches over it.
        private readonly void PackStrip(int column, int k, int depth, float* strip)
        {
            var columns = Math.Min(Width, Product.Columns - column);
            var from = Product.B + column * Product.BColumn + k * Product.BDepth;
            if (columns % Lanes != 0 && Product.BDepth != 1) Panels.Zero(strip, (long)depth * Width);
            if (Product.BColumn == 1) Panels.Copy(from, Product.BDepth, strip, Width, depth, columns);
            else if (Product.BDepth == 1) Panels.TransposeToLanes(from, Product.BColumn, strip, Width, columns, depth);
            else
                for (long i = 0; i < depth; i++)
                    for (long j = 0; j < columns; j++) strip[i * Width + j] = from[i * Product.BDepth + j * Product.BColumn];
        }
    }
}
