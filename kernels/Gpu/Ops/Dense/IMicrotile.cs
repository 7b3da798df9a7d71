using ILGPU;

namespace DistTrain.Kernels;

/// <summary>The square of outputs that one thread keeps in registers: 2^Log2 rows and columns, each accumulator a named field (arrays would live in memory).</summary>
public interface IMicrotile
{
    static abstract int Log2 { get; }

    /// <summary>One step of every chain. The tile's rows are four neighbours at a·4, and four more half a tile further where it has eight; columns likewise.</summary>
    /// <param name="half">Half the group's tile, in Float4.</param>
    void Multiply(ArrayView<Float4> aShared, ArrayView<Float4> bShared, int a, int b, int half);

    void Start<TProduct>(TProduct product, int part, int row, int column, int half) where TProduct : struct, IProduct;

    void Store<TProduct>(TProduct product, int part, int row, int column, int half) where TProduct : struct, IProduct;
}
