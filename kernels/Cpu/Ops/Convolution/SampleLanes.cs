namespace DistTrain.Kernels;

/// <summary>
/// Convolution with samples in the lanes: a block of samples is transposed to [channel, position, sample], then every target position
/// is a product of weights (broadcast) with whole vectors. No lane idles on narrow rows, and taps outside the source cost nothing.
/// </summary>
/// <remarks>
/// target[n, row, y, x] = sum over k of weights[row, A(k)] · planes[B(k) + RowBase(y) + ColumnBase(x)]; positions of one (RowClass, ColumnClass)
/// share their offset tables A and B. Parts are ranges of target rows.
/// </remarks>
internal unsafe struct SampleLanes : IParallelJob
{
    private const int PanelFloats = 1 << 15;

    public CpuDevice Device;
    public bool Wide;
    public int Groups;

    /// <summary>Rows of a group, target channels of the product.</summary>
    public int Rows;
    public float* Weights;
    public long WeightRow;
    public long WeightGroup;
    public float* Bias;
    public bool Relu;

    /// <summary>[channel, position, Block]; GroupPlanes floats to the next group.</summary>
    public float* Planes;
    public long GroupPlanes;

    /// <summary>Samples in a block (one or two vectors), and how many of them are there.</summary>
    public int Block;
    public int Present;
    public float* Target;
    public long TargetSample;
    public int Height;
    public int Width;

    public int* RowBase;
    public int* RowClass;
    public int* ColumnBase;
    public int* ColumnClass;
    public int ColumnClasses;

    /// <summary>For each (row class, column class): the chain's length and where its A offsets begin in Tables; its B offsets follow them.</summary>
    public int* Depths;
    public int* Starts;
    public int* Tables;
    public int Parts;

    public static int BlockOf(bool wide, int samples, long floatsPerSample) =>
        !wide ? 2 * Tile256.Lanes : samples > Tile512.Lanes && floatsPerSample <= 8192 ? 2 * Tile512.Lanes : Tile512.Lanes;

    public readonly void Run(int part, int thread)
    {
        var maxRows = Wide ? Tile512.MaxRows : Tile256.MaxRows;
        var panelRows = Math.Max(1, PanelFloats / (Width * Block) / maxRows) * maxRows;
        var panel = Device.Scratch(thread, (long)Math.Min(panelRows, Rows) * Width * Block);
        var units = (long)Groups * Height;
        for (var unit = part * units / Parts; unit < (part + 1) * units / Parts; unit++)
            for (var first = 0; first < Rows; first += panelRows) Line((int)(unit / Height), (int)(unit % Height), first, Math.Min(panelRows, Rows - first), panel);
    }

    // Rows [first, first + count) of one group at one line of the target.
    private readonly void Line(int group, int y, int first, int count, float* panel)
    {
        var maxRows = Wide ? Tile512.MaxRows : Tile256.MaxRows;
        var lanes = Wide ? Tile512.Lanes : Tile256.Lanes;
        var tiles = (count + maxRows - 1) / maxRows;
        var vectors = Present > lanes ? 2 : 1;
        var noMerges = 0;
        var call = new TileCall { ARow = WeightRow, RunMerges = &noMerges, RunCount = 1, Relu = Relu, CRow = (long)Width * Block };
        for (var x = 0; x < Width; x++)
        {
            var pair = RowClass[y] * ColumnClasses + ColumnClass[x];
            call.RunRows = Depths + pair;
            call.AOffsets = Tables + Starts[pair];
            call.BOffsets = call.AOffsets + Depths[pair];
            call.B = Planes + group * GroupPlanes + ((long)RowBase[y] + ColumnBase[x]) * Block;
            for (var tile = 0; tile < tiles; tile++)
            {
                var row = first + (int)((long)tile * count / tiles);
                var rows = first + (int)((long)(tile + 1) * count / tiles) - row;
                call.A = Weights + group * WeightGroup + row * WeightRow;
                call.C = panel + ((long)(row - first) * Width + x) * Block;
                if (Bias != null) call.RowBias = Bias + (long)group * Rows + row;
                if (Wide) Tile512.Run(rows, vectors, &call);
                else Tile256.Run(rows, vectors, &call);
            }
        }
        for (var row = 0; row < count; row++)
            Panels.Transpose(panel + (long)row * Width * Block, Block, Target + (((long)group * Rows + first + row) * Height + y) * Width, TargetSample, Width, Present);
    }
}

/// <summary>Transposes a block of samples [sample, channel, y, x] to [channel, row, column, sample], rows and columns padded with zeros. Parts are ranges of (channel, y).</summary>
internal unsafe struct SampleTransposeJob : IParallelJob
{
    public float* Source;
    public long SourceSample;
    public int Channels;
    public int Height;
    public int Width;
    public int Present;
    public int Block;
    public float* Planes;
    public int PaddingY;
    public int PaddingX;
    public int Rows;
    public int Columns;
    public int Parts;

    public readonly void Run(int part, int thread)
    {
        var end = (long)(part + 1) * Channels * Rows / Parts;
        for (var unit = (long)part * Channels * Rows / Parts; unit < end; unit++)
        {
            var (channel, y) = (unit / Rows, (int)(unit % Rows) - PaddingY);
            var to = Planes + unit * Columns * Block;
            var width = Math.Min(Width, Columns - PaddingX);
            if ((uint)y >= (uint)Height || width <= 0)
            {
                Panels.Zero(to, (long)Columns * Block);
                continue;
            }
            Panels.Zero(to, (long)PaddingX * Block);
            Panels.TransposeToLanes(Source + (channel * Height + y) * Width, SourceSample, to + (long)PaddingX * Block, Block, Present, width);
            Panels.Zero(to + (long)(PaddingX + width) * Block, (long)(Columns - PaddingX - width) * Block);
        }
    }
}
