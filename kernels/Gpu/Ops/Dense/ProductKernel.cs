namespace DistTrain.Kernels;

/// <summary>Runs one kind of product with the tile that suits its size. All tiles give the same bits.</summary>
public sealed class ProductKernel<TProduct>(GpuDevice device) where TProduct : struct, IProduct
{
    private readonly GpuKernel<TProduct> _small = new(device, Small(device.GroupSize));

    // Its tile needs groups of at least 64 threads.
    private readonly GpuKernel<TProduct>? _large = device.GroupSize < 64 ? null : new(device, Large(device.GroupSize));

    /// <param name="parts">Independent products of one shape.</param>
    public void Run(TProduct product, long parts = 1)
    {
        var side = device.GroupSize switch { 256 => 16, 64 => 8, _ => 4 };
        var largeTiles = parts * Tiles(product.Rows, 8 * side) * Tiles(product.Columns, 8 * side);
        var large = _large is not null && largeTiles >= device.Multiprocessors;
        (large ? _large! : _small).Launch(large ? largeTiles : parts * Tiles(product.Rows, 4 * side) * Tiles(product.Columns, 4 * side), product);
    }

    private static long Tiles(int length, int tile) => ((long)length + tile - 1) / tile;

    private static Action<TProduct> Small(int groupSize) => groupSize switch
    {
        256 => Tile.Product<Side16, Microtile4, TProduct>,
        64 => Tile.Product<Side8, Microtile4, TProduct>,
        _ => Tile.Product<Side4, Microtile4, TProduct>,
    };

    private static Action<TProduct> Large(int groupSize) => groupSize switch
    {
        256 => Tile.Product<Side16, Microtile8, TProduct>,
        _ => Tile.Product<Side8, Microtile8, TProduct>,
    };
}
