namespace DistTrain.Kernels;

/// <summary>Forward and input gradient by <see cref="Winograd"/>: kernels are transformed and packed once, then strips of tiles go through transform, 16 products and transform while they lie in the caches.</summary>
internal sealed unsafe partial class Conv2dCpu
{
    private void ForwardWinograd(in Conv2dShape shape, int samples, View x, View w, View bias, View y, Epilogue epilogue) => RunWinograd(new WinogradCall
    {
        Samples = samples, Depth = shape.Channels, Rows = shape.Outputs, Source = x.Floats(), SourceHeight = shape.Height, SourceWidth = shape.Width, PadY = shape.PaddingY, PadX = shape.PaddingX,
        Target = y.Floats(), Height = shape.OutY, Width = shape.OutX, Bias = bias.Floats(), Relu = epilogue == Epilogue.Relu,
        Weights = w.Floats(), WeightRow = shape.Channels * 9L, WeightDepth = 9,
    });

    // The input's gradient is the same correlation of dy with kernels turned by half a turn, inputs and outputs exchanged.
    private void BackwardInputWinograd(in Conv2dShape shape, int samples, View dy, View w, View dx) => RunWinograd(new WinogradCall
    {
        Samples = samples, Depth = shape.Outputs, Rows = shape.Channels, Source = dy.Floats(), SourceHeight = shape.OutY, SourceWidth = shape.OutX, PadY = 2 - shape.PaddingY, PadX = 2 - shape.PaddingX,
        Target = dx.Floats(), Height = shape.Height, Width = shape.Width,
        Weights = w.Floats(), WeightRow = 9, WeightDepth = shape.Channels * 9L, Turned = true,
    });

    private void RunWinograd(WinogradCall call)
    {
        var maxRows = Wide ? Tile512.MaxRows : Tile256.MaxRows;
        call.Device = device;
        call.Wide = Wide;
        call.StripWidth = 2 * Lanes;
        (call.TilesY, call.TilesX) = (Winograd.Tiles(call.Height), Winograd.Tiles(call.Width));
        call.RowTiles = (call.Rows + maxRows - 1) / maxRows;
        call.TileHeight = (call.Rows + call.RowTiles - 1) / call.RowTiles;
        var kernels = Winograd.Elements * (long)call.RowTiles * call.TileHeight * call.Depth;
        call.Kernels = device.SharedScratch(((kernels + 15) & ~15L) + 2L * call.Depth);
        call.AOffsets = (int*)(call.Kernels + ((kernels + 15) & ~15L));
        call.BOffsets = call.AOffsets + call.Depth;
        Panels.Offsets(call.AOffsets, call.Depth, call.TileHeight);
        Panels.Offsets(call.BOffsets, call.Depth, call.StripWidth);
        if (Wide) RunWinograd<Lane512>(call);
        else RunWinograd<Lane256>(call);
    }

    private void RunWinograd<T>(in WinogradCall call) where T : unmanaged, IWideLane<T>
    {
        var pack = new WinogradKernels<T>(call, Math.Min(device.Threads, call.RowTiles));
        device.Run(ref pack, pack.Parts);
        var tiles = new WinogradTiles<T>(call, (int)Math.Min(device.Threads, call.Strips));
        device.Run(ref tiles, tiles.Parts);
    }
}

/// <summary>target[n, row] = Σ over k of source[n, k] ⋆ kernel[row, k], 3 x 3, stride 1.</summary>
internal unsafe struct WinogradCall
{
    public CpuDevice Device;
    public bool Wide;
    public int Samples, Depth, Rows;
    public float* Source, Target, Bias, Weights;
    public int SourceHeight, SourceWidth, PadY, PadX, Height, Width;
    public bool Relu;

    /// <summary>Kernel (row, k) begins at row·WeightRow + k·WeightDepth; Turned by half a turn or not.</summary>
    public long WeightRow, WeightDepth;
    public bool Turned;

    /// <summary>Tiles of a sample.</summary>
    public int TilesY, TilesX;

    /// <summary>Tiles side by side in one strip: the columns of a register tile.</summary>
    public int StripWidth;

    /// <summary>Register tiles along the rows, and the rows of each.</summary>
    public int RowTiles, TileHeight;

    /// <summary>Transformed kernels [element, row tile, k, TileHeight].</summary>
    public float* Kernels;
    public int* AOffsets, BOffsets;

    public readonly long Tiles => (long)Samples * TilesY * TilesX;

    public readonly long Strips => (Tiles + StripWidth - 1) / StripWidth;
}
