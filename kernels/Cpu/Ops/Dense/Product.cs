namespace DistTrain.Kernels;

/// <summary>
/// C[i, j] = epilogue(sum over k of A[i, k] · B[k, j] + bias), every matrix by two strides. A is broadcast, B fills the lanes.
/// Lanes of C must be neighbours along j (stored as they are) or along i (transposed on the way out).
/// </summary>
/// <remarks>
/// BLIS's structure: a few strips of B (each two vectors wide) are packed into the thread's scratch and stay in the L2 while the tiles of A
/// pass, each tile in the L1. Past <see cref="BlockDepth"/> the chains go on through C. Threads split the grid of strips and tiles by index.
/// </remarks>
internal unsafe partial struct Product
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
}
