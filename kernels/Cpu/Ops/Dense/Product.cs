using System.Runtime.Intrinsics.X86;

namespace DistTrain.Kernels;

/// <summary>
/// C[i, j] = epilogue(sum over k of A[i, k] · B[k, j] + bias), every matrix by two strides. A is broadcast, B fills the lanes.
/// Lanes of C must be neighbours along j (stored as they are) or along i (transposed on the way out).
/// </summary>
/// <remarks>
/// BLIS's structure: a few strips of B (each two vectors wide) are packed into the thread's scratch and stay in the L2 while the tiles of A
/// pass, each tile in the L1. Past <see cref="BlockDepth"/> the chains go on through C. Threads split the grid of strips and tiles by index.
/// </remarks>
internal unsafe struct Product
{
    private const int BlockDepth = 512;
    private const int PackedFloats = 1 << 17;

    public int Rows;
    public int Columns;
    public int Depth;
    public float* A;
    public long ARow;
    public long ADepth;
    public float* B;
    public long BDepth;
    public long BColumn;
    public float* C;
    public long CRow;
    public long CColumn;
    public float* RowBias;
    public float* ColumnBias;
    public bool Accumulate;
    public bool Relu;

    /// <summary>Cᵀ = Bᵀ · Aᵀ: the same elements with the operands' roles exchanged.</summary>
    public readonly Product Transposed => new()
    {
        Rows = Columns, Columns = Rows, Depth = Depth,
        A = B, ARow = BColumn, ADepth = BDepth,
        B = A, BDepth = ADepth, BColumn = ARow,
        C = C, CRow = CColumn, CColumn = CRow,
        RowBias = ColumnBias, ColumnBias = RowBias, Accumulate = Accumulate, Relu = Relu,
    };

    /// <param name="segments">null: one chain along k. Else k counts rows of samples, folded as <see cref="TileRuns"/> says.</param>
    public readonly void Run(CpuDevice device, Segments? segments = null, int rowsPerSample = 1)
    {
        if (Rows == 0 || Columns == 0) return;
        var lanes = device.InstructionSet == InstructionSet.Vector512 ? Tile512.Lanes : Tile256.Lanes;
        var other = Transposed;
        if (segments is not null && ByRuns(TileRuns.Count(segments, rowsPerSample)))
        {
            Dispatch(device, segments, rowsPerSample);
            return;
        }
        // Which operand fills the lanes is a matter of speed alone: every element is the same chain either way.
        if (!Accumulate && CColumn == 1 && other.Cost(lanes) < Cost(lanes)) other.Dispatch(device, segments, rowsPerSample);
        else Dispatch(device, segments, rowsPerSample);
    }

    // In vector FMAs: the arithmetic with its idle lanes, packing B, and transposing C where its lanes are not neighbours.
    private readonly double Cost(int lanes) =>
        (double)Rows * Depth * ((Columns + lanes - 1) / lanes) + (double)Columns * Depth * (BColumn == 1 ? 0.1 : 0.3) + (CColumn == 1 ? 0 : 0.4 * Rows * Columns);

    // Long runs one after the other: each run's operands then fit the caches, and sums wait in memory for the next run.
    private readonly bool ByRuns(int runs) => runs > 1 && CColumn == 1 && Depth / runs >= 192;

    private readonly void Dispatch(CpuDevice device, Segments? segments, int rowsPerSample)
    {
        var wide = device.InstructionSet == InstructionSet.Vector512;
        var (lanes, maxRows) = wide ? (Tile512.Lanes, Tile512.MaxRows) : (Tile256.Lanes, Tile256.MaxRows);
        var width = 2 * lanes;
        var runs = segments is null ? 1 : TileRuns.Count(segments, rowsPerSample);
        // Short runs: sixteen accumulators go through the stack at less than half the cost of twenty-four.
        if (wide && runs > 1 && Depth / runs < 48) maxRows = 8;
        var strips = (Columns + width - 1) / width;
        var tiles = (Rows + maxRows - 1) / maxRows;
        var height = (Rows + tiles - 1) / tiles;
        var byRuns = segments is not null && ByRuns(runs);
        // Packing A pays when many strips read it and its rows lie apart: fewer pages and no clash in the L1's sets.
        var packA = !byRuns && strips >= (ADepth == 1 ? 8 : 4) && (long)Rows * Depth >= 1 << 15;
        var tableFloats = Round(2 * (long)Depth + 2 * runs);
        var shared = device.SharedScratch(tableFloats + (packA ? Round((long)tiles * height * Depth) : 0));
        var job = new TilesJob
        {
            Device = device, Product = this, Wide = wide, Lanes = lanes, Width = width, MaxRows = maxRows, Strips = strips, Tiles = tiles,
            AOffsets = (int*)shared, BOffsets = (int*)shared + Depth, RunRows = (int*)shared + 2 * (long)Depth, RunMerges = (int*)shared + 2 * (long)Depth + runs,
            RunCount = runs, StackDepth = segments is null ? 0 : TileRuns.StackDepth(segments),
        };
        if (segments is null) (job.RunRows[0], job.RunMerges[0]) = (Depth, 0);
        else TileRuns.Fill(segments, rowsPerSample, job.RunRows, job.RunMerges);
        Panels.Offsets(job.BOffsets, Depth, width);
        Panels.Offsets(job.AOffsets, Depth, packA || byRuns ? height : ADepth);
        // Lanes transposed on the way out, and runs, keep their chains in registers from end to end.
        job.BlockDepths = segments is null && CColumn == 1 ? (Depth + BlockDepth - 1) / BlockDepth : 1;
        job.ByRuns = byRuns;
        if (byRuns) (job.Height, job.Tiles, job.Group) = (height, (Rows + height - 1) / height, PackedFloats / (width * TileRuns.ChunkRows));
        else job.Group = Math.Clamp(PackedFloats / (width * Math.Max(1, (Depth + job.BlockDepths - 1) / Math.Max(1, job.BlockDepths))), 1, CColumn == 1 ? int.MaxValue : 4);
        var parts = (int)Math.Clamp((double)Rows * Depth * ((Columns + lanes - 1) / lanes) / 8192, 1, device.Threads);
        (job.StripParts, job.TileParts) = Grid(strips, tiles, parts);
        job.Parts = job.StripParts * job.TileParts;
        if (packA)
        {
            var pack = new PackJob { Product = this, Tiles = tiles, Height = height, To = shared + tableFloats, Parts = job.Parts };
            device.Run(ref pack, job.Parts);
            (job.PackedA, job.Height) = (true, height);
            job.Product.A = shared + tableFloats;
        }
        device.Run(ref job, job.Parts);
    }

    // The cut of strips and tiles into at most so many parts whose largest part is smallest; fewer strip parts pack less twice.
    private static (int StripParts, int TileParts) Grid(int strips, int tiles, int parts)
    {
        var (best, smallest) = ((1, 1), long.MaxValue);
        for (var stripParts = 1; stripParts <= Math.Min(parts, strips); stripParts++)
        {
            var tileParts = Math.Min(parts / stripParts, tiles);
            var largest = (long)((strips + stripParts - 1) / stripParts) * ((tiles + tileParts - 1) / tileParts);
            if (largest <= smallest) (best, smallest) = ((stripParts, tileParts), largest);
        }
        return best;
    }

    private static long Round(long floats) => (floats + 15) & ~15L;

    /// <summary>Packs A as [tile][k][height].</summary>
    private struct PackJob : IParallelJob
    {
        public Product Product;
        public int Tiles;
        public int Height;
        public int Parts;
        public float* To;

        public readonly void Run(int part, int thread)
        {
            var end = (int)((long)(part + 1) * Tiles / Parts);
            for (var tile = (int)((long)part * Tiles / Parts); tile < end; tile++)
            {
                var first = (int)((long)tile * Product.Rows / Tiles);
                var rows = (int)((long)(tile + 1) * Product.Rows / Tiles) - first;
                var from = Product.A + first * Product.ARow;
                var to = To + (long)tile * Height * Product.Depth;
                if (Product.ADepth == 1) Panels.Transpose(from, Product.ARow, to, Height, rows, Product.Depth);
                else if (Product.ARow == 1) Panels.Copy(from, Product.ADepth, to, Height, Product.Depth, rows);
                else
                    for (long k = 0; k < Product.Depth; k++)
                        for (long i = 0; i < rows; i++) to[k * Height + i] = from[i * Product.ARow + k * Product.ADepth];
            }
        }
    }

    private struct TilesJob : IParallelJob
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
                                StoredTile(&call, scratch, (first + strip) * Width, k, last, tile);
                            }
                    if (last) break;
                }
            }
        }

        // The stack of each tile of the group lies in memory between two runs, in the form in which the tile kernel keeps it.
        private readonly void RunByRuns(int part, int thread)
        {
            var tileFloats = (long)MaxRows * Width;
            var (firstStrip, endStrip) = Range(part / TileParts, StripParts, Strips);
            var (firstTile, endTile) = Range(part % TileParts, TileParts, Tiles);
            var group = Math.Min(Group, endStrip - firstStrip);
            var stacks = tileFloats * StackDepth * group;
            var tileOfA = ((long)TileRuns.ChunkRows * Height + 15) & ~15L;
            var scratch = Device.Scratch(thread, tileFloats + tileOfA * (endTile - firstTile) + (long)TileRuns.ChunkRows * Width * group + stacks * (endTile - firstTile));
            var rowsOfA = scratch + tileFloats;
            var packed = rowsOfA + tileOfA * (endTile - firstTile);
            var call = new TileCall { ARow = 1, AOffsets = AOffsets, BOffsets = BOffsets, RunCount = 1 };
            for (var first = firstStrip; first < endStrip; first += group)
            {
                var strips = Math.Min(group, endStrip - first);
                for (var (run, k, depth) = (0, 0, 0); run < RunCount; run++)
                {
                    call.RunRows = RunRows + run;
                    call.RunMerges = RunMerges + run;
                    PackStrips(first, strips, k, RunRows[run], packed, (long)RunRows[run] * Width);
                    PackTiles(firstTile, endTile, k, RunRows[run], rowsOfA, tileOfA);
                    for (var tile = firstTile; tile < endTile; tile++)
                    {
                        var (row, rows) = (tile * Height, Math.Min(Height, Product.Rows - tile * Height));
                        call.A = rowsOfA + (tile - firstTile) * tileOfA;
                        for (var strip = 0; strip < strips; strip++)
                        {
                            var stack = packed + (long)TileRuns.ChunkRows * Width * group + stacks * (tile - firstTile) + tileFloats * StackDepth * strip;
                            call.B = packed + (long)strip * RunRows[run] * Width;
                            call.Stack = stack + (long)depth * rows * Width;
                            if (run == RunCount - 1)
                            {
                                Store(&call, scratch, (first + strip) * Width, row, rows);
                                continue;
                            }
                            call.C = stack + (long)(depth - RunMerges[run]) * rows * Width;
                            call.CRow = Width;
                            Multiply(rows, Product.Columns - (first + strip) * Width > Lanes ? 2 : 1, &call);
                        }
                    }
                    k += RunRows[run];
                    depth += 1 - RunMerges[run];
                }
            }
        }

        // Rows [firstTile, endTile) of Height each, as [tile][k][Height].
        private readonly void PackTiles(int firstTile, int endTile, int k, int depth, float* to, long tileStep)
        {
            var from = Product.A + k * Product.ADepth;
            var end = Math.Min(endTile * Height, Product.Rows);
            if (Product.ARow == 1 && Height >= 8)
            {
                Panels.Cut(from + firstTile * Height, Product.ADepth, to, tileStep, Height, depth, end - firstTile * Height);
                return;
            }
            for (var row = firstTile * Height; row < end; row += Height, to += tileStep)
            {
                var rows = Math.Min(Height, end - row);
                if (Product.ADepth == 1) Panels.Transpose(from + row * Product.ARow, Product.ARow, to, Height, rows, depth);
                else if (Product.ARow == 1) Panels.Copy(from + row, Product.ADepth, to, Height, depth, rows);
                else
                    for (long i = 0; i < depth; i++)
                        for (long j = 0; j < rows; j++) to[i * Height + j] = from[(row + j) * Product.ARow + i * Product.ADepth];
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
