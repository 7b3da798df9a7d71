namespace DistTrain.Kernels;

/// <summary>
/// C[i, j] = epilogue(sum over k of A[i, k] · B[k, j] + bias), every matrix by two strides. A is broadcast, B fills the lanes.
/// Lanes of C must be neighbours along j (stored as they are) or along i (transposed on the way out).
/// </summary>
/// <remarks>
/// BLIS's structure without a block along k: a strip of B (two vectors wide, all of k) is packed into the thread's scratch and stays in
/// L2 while the tiles of A pass; every element's chain lives in one register from end to end. Threads split (strip, tile) pairs by index.
/// </remarks>
internal unsafe struct Product
{
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
        // Which operand fills the lanes is a matter of speed alone: every element is the same chain either way.
        if (!Accumulate && CColumn == 1 && other.Cost(lanes) < Cost(lanes)) other.Dispatch(device, segments, rowsPerSample);
        else Dispatch(device, segments, rowsPerSample);
    }

    // In vector FMAs: the arithmetic with its idle lanes, packing B, and transposing C where its lanes are not neighbours.
    private readonly double Cost(int lanes) =>
        (double)Rows * Depth * ((Columns + lanes - 1) / lanes) + (double)Columns * Depth * (BColumn == 1 ? 0.1 : 0.3) + (CColumn == 1 ? 0 : 0.4 * Rows * Columns);

    private readonly void Dispatch(CpuDevice device, Segments? segments, int rowsPerSample)
    {
        var wide = device.InstructionSet == InstructionSet.Vector512;
        var (lanes, maxRows) = wide ? (Tile512.Lanes, Tile512.MaxRows) : (Tile256.Lanes, Tile256.MaxRows);
        var width = 2 * lanes;
        var strips = (Columns + width - 1) / width;
        var tiles = (Rows + maxRows - 1) / maxRows;
        var height = (Rows + tiles - 1) / tiles;
        var runs = segments is null ? 1 : TileRuns.Count(segments, rowsPerSample);
        // Packing A pays when several strips read it and its rows lie apart: fewer pages and no clash in the L1's sets.
        var packA = strips >= 4 && (long)Rows * Depth >= 1 << 15;
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
        Panels.Offsets(job.AOffsets, Depth, packA ? height : ADepth);
        job.Parts = (int)Math.Clamp((double)Rows * Depth * ((Columns + lanes - 1) / lanes) / 8192, 1, Math.Min(device.Threads, (long)strips * tiles));
        if (packA)
        {
            var pack = new PackJob { Product = this, Tiles = tiles, Height = height, To = shared + tableFloats, Parts = job.Parts };
            device.Run(ref pack, job.Parts);
            (job.PackedA, job.Height) = (true, height);
            job.Product.A = shared + tableFloats;
        }
        device.Run(ref job, job.Parts);
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
        public int Parts;
        public int RunCount;
        public int StackDepth;
        public int* AOffsets;
        public int* BOffsets;
        public int* RunRows;
        public int* RunMerges;

        public readonly void Run(int part, int thread)
        {
            var tileFloats = (long)MaxRows * Width;
            var transposed = Product.CColumn != 1;
            var scratch = Device.Scratch(thread, tileFloats * (1 + StackDepth) + Width + (transposed ? PanelRows * Width : 0) + (long)Product.Depth * Width);
            var edge = scratch;
            var bias = edge + tileFloats;
            var panel = bias + Width;
            var stack = panel + (transposed ? PanelRows * Width : 0);
            var strip = stack + tileFloats * StackDepth;
            var call = new TileCall
            {
                AOffsets = AOffsets, BOffsets = BOffsets, RunRows = RunRows, RunMerges = RunMerges, RunCount = RunCount,
                Stack = stack, B = strip, Accumulate = Product.Accumulate, Relu = Product.Relu,
            };
            var unit = (long)part * Strips * Tiles / Parts;
            var end = (long)(part + 1) * Strips * Tiles / Parts;
            while (unit < end)
            {
                var firstTile = (int)(unit % Tiles);
                var endTile = (int)Math.Min(Tiles, firstTile + end - unit);
                var column = (int)(unit / Tiles) * Width;
                var columns = Math.Min(Width, Product.Columns - column);
                PackStrip(column, columns, strip);
                if (Product.ColumnBias != null)
                {
                    for (var j = 0; j < Width; j++) bias[j] = j < columns ? Product.ColumnBias[column + j] : 0f;
                    call.ColumnBias = bias;
                }
                if (transposed) TransposedTiles(&call, panel, column, columns, firstTile, endTile);
                else StoredTiles(&call, edge, column, columns, firstTile, endTile);
                unit += endTile - firstTile;
            }
        }

        private readonly void StoredTiles(TileCall* call, float* edge, int column, int columns, int firstTile, int endTile)
        {
            var vectors = columns > Lanes ? 2 : 1;
            var whole = columns == vectors * Lanes;
            for (var tile = firstTile; tile < endTile; tile++)
            {
                var (row, rows) = Place(call, tile);
                var c = Product.C + row * Product.CRow + column;
                call->C = whole ? c : edge;
                call->CRow = whole ? Product.CRow : Width;
                if (!whole && Product.Accumulate) Panels.Copy(c, Product.CRow, edge, Width, rows, columns);
                Multiply(rows, vectors, call);
                if (!whole) Panels.Copy(edge, Width, c, Product.CRow, rows, columns);
            }
        }

        private readonly void TransposedTiles(TileCall* call, float* panel, int column, int columns, int firstTile, int endTile)
        {
            var vectors = columns > Lanes ? 2 : 1;
            var (panelRow, filled) = (0, 0);
            for (var tile = firstTile; tile < endTile; tile++)
            {
                var (row, rows) = Place(call, tile);
                if (filled + rows > PanelRows)
                {
                    Flush(panel, panelRow, filled, column, columns);
                    filled = 0;
                }
                if (filled == 0) panelRow = row;
                call->C = panel + (long)filled * Width;
                call->CRow = Width;
                Multiply(rows, vectors, call);
                filled += rows;
            }
            Flush(panel, panelRow, filled, column, columns);
        }

        private readonly void Flush(float* panel, int row, int rows, int column, int columns) =>
            Panels.Transpose(panel, Width, Product.C + row * Product.CRow + column * Product.CColumn, Product.CColumn, rows, columns);

        private readonly (int Row, int Rows) Place(TileCall* call, int tile)
        {
            var row = (int)((long)tile * Product.Rows / Tiles);
            var rows = (int)((long)(tile + 1) * Product.Rows / Tiles) - row;
            call->A = Product.A + (PackedA ? (long)tile * Height * Product.Depth : row * Product.ARow);
            call->ARow = PackedA ? 1 : Product.ARow;
            if (Product.RowBias != null) call->RowBias = Product.RowBias + row;
            return (row, rows);
        }

        private readonly void Multiply(int rows, int vectors, TileCall* call)
        {
            if (Wide) Tile512.Run(rows, vectors, call);
            else Tile256.Run(rows, vectors, call);
        }

        // strip [k][Width]; lanes past the last column are zero where a vector reaches over it.
        private readonly void PackStrip(int column, int columns, float* strip)
        {
            var from = Product.B + column * Product.BColumn;
            if (columns % Lanes != 0 && Product.BDepth != 1) Panels.Zero(strip, (long)Product.Depth * Width);
            if (Product.BColumn == 1) Panels.Copy(from, Product.BDepth, strip, Width, Product.Depth, columns);
            else if (Product.BDepth == 1) Panels.TransposeToLanes(from, Product.BColumn, strip, Width, columns, Product.Depth);
            else
                for (long k = 0; k < Product.Depth; k++)
                    for (long j = 0; j < columns; j++) strip[k * Width + j] = from[k * Product.BDepth + j * Product.BColumn];
        }
    }
}
