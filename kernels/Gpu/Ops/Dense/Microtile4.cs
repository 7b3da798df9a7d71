using ILGPU;

namespace DistTrain.Kernels;

/// <summary>16 outputs of one thread: 4 x 4, for small products. 8 shared elements read for 16 multiply-adds.</summary>
public struct Microtile4 : IMicrotile
{
    private float _c00, _c01, _c02, _c03;
    private float _c10, _c11, _c12, _c13;
    private float _c20, _c21, _c22, _c23;
    private float _c30, _c31, _c32, _c33;

    public static int Log2 => 2;

    public void Multiply(ArrayView<Float4> aShared, ArrayView<Float4> bShared, int a, int b, int half)
    {
        var (a0, b0) = (aShared[a], bShared[b]);
        _c00 = MathF.FusedMultiplyAdd(a0.X, b0.X, _c00);
        _c01 = MathF.FusedMultiplyAdd(a0.X, b0.Y, _c01);
        _c02 = MathF.FusedMultiplyAdd(a0.X, b0.Z, _c02);
        _c03 = MathF.FusedMultiplyAdd(a0.X, b0.W, _c03);
        _c10 = MathF.FusedMultiplyAdd(a0.Y, b0.X, _c10);
        _c11 = MathF.FusedMultiplyAdd(a0.Y, b0.Y, _c11);
        _c12 = MathF.FusedMultiplyAdd(a0.Y, b0.Z, _c12);
        _c13 = MathF.FusedMultiplyAdd(a0.Y, b0.W, _c13);
        _c20 = MathF.FusedMultiplyAdd(a0.Z, b0.X, _c20);
        _c21 = MathF.FusedMultiplyAdd(a0.Z, b0.Y, _c21);
        _c22 = MathF.FusedMultiplyAdd(a0.Z, b0.Z, _c22);
        _c23 = MathF.FusedMultiplyAdd(a0.Z, b0.W, _c23);
        _c30 = MathF.FusedMultiplyAdd(a0.W, b0.X, _c30);
        _c31 = MathF.FusedMultiplyAdd(a0.W, b0.Y, _c31);
        _c32 = MathF.FusedMultiplyAdd(a0.W, b0.Z, _c32);
        _c33 = MathF.FusedMultiplyAdd(a0.W, b0.W, _c33);
    }

    public void Start<TProduct>(TProduct product, int part, int row, int column, int half) where TProduct : struct, IProduct
    {
        var r0 = Tile.RowAt(product, part, row);
        var r1 = Tile.RowAt(product, part, row + 1);
        var r2 = Tile.RowAt(product, part, row + 2);
        var r3 = Tile.RowAt(product, part, row + 3);
        var n0 = Tile.ColumnAt(product, part, column);
        var n1 = Tile.ColumnAt(product, part, column + 1);
        var n2 = Tile.ColumnAt(product, part, column + 2);
        var n3 = Tile.ColumnAt(product, part, column + 3);
        _c00 = Tile.Start(product, r0, n0);
        _c01 = Tile.Start(product, r0, n1);
        _c02 = Tile.Start(product, r0, n2);
        _c03 = Tile.Start(product, r0, n3);
        _c10 = Tile.Start(product, r1, n0);
        _c11 = Tile.Start(product, r1, n1);
        _c12 = Tile.Start(product, r1, n2);
        _c13 = Tile.Start(product, r1, n3);
        _c20 = Tile.Start(product, r2, n0);
        _c21 = Tile.Start(product, r2, n1);
        _c22 = Tile.Start(product, r2, n2);
        _c23 = Tile.Start(product, r2, n3);
        _c30 = Tile.Start(product, r3, n0);
        _c31 = Tile.Start(product, r3, n1);
        _c32 = Tile.Start(product, r3, n2);
        _c33 = Tile.Start(product, r3, n3);
    }

    public void Store<TProduct>(TProduct product, int part, int row, int column, int half) where TProduct : struct, IProduct
    {
        var r0 = Tile.RowAt(product, part, row);
        var r1 = Tile.RowAt(product, part, row + 1);
        var r2 = Tile.RowAt(product, part, row + 2);
        var r3 = Tile.RowAt(product, part, row + 3);
        var n0 = Tile.ColumnAt(product, part, column);
        var n1 = Tile.ColumnAt(product, part, column + 1);
        var n2 = Tile.ColumnAt(product, part, column + 2);
        var n3 = Tile.ColumnAt(product, part, column + 3);
        Tile.Store(product, part, row, column, r0, n0, _c00);
        Tile.Store(product, part, row, column + 1, r0, n1, _c01);
        Tile.Store(product, part, row, column + 2, r0, n2, _c02);
        Tile.Store(product, part, row, column + 3, r0, n3, _c03);
        Tile.Store(product, part, row + 1, column, r1, n0, _c10);
        Tile.Store(product, part, row + 1, column + 1, r1, n1, _c11);
        Tile.Store(product, part, row + 1, column + 2, r1, n2, _c12);
        Tile.Store(product, part, row + 1, column + 3, r1, n3, _c13);
        Tile.Store(product, part, row + 2, column, r2, n0, _c20);
        Tile.Store(product, part, row + 2, column + 1, r2, n1, _c21);
        Tile.Store(product, part, row + 2, column + 2, r2, n2, _c22);
        Tile.Store(product, part, row + 2, column + 3, r2, n3, _c23);
        Tile.Store(product, part, row + 3, column, r3, n0, _c30);
        Tile.Store(product, part, row + 3, column + 1, r3, n1, _c31);
        Tile.Store(product, part, row + 3, column + 2, r3, n2, _c32);
        Tile.Store(product, part, row + 3, column + 3, r3, n3, _c33);
    }
}
