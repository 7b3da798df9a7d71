namespace DistTrain.Kernels;

/// <summary>Where a line or a reduction step of an operand lies, decoded once and used for many loads. A negative A: outside, reads as 0.</summary>
public struct Cursor(int a, int b = 0, int c = 0, int d = 0)
{
    public int A = a, B = b, C = c, D = d;

    public static Cursor Outside => new(-1);
}

/// <summary>
/// A matrix product that a tile kernel can run: how its operands are read and its results are written.
/// C[row, column] = finish(Σ over k in [First, Last) of A[row, k] · B[k, column]), one FMA chain in k order for each element.
/// Parts are independent products of one shape: convolution groups, chunks of a sum over samples.
/// </summary>
public interface IProduct
{
    /// <summary>Do neighbouring threads read neighbouring k of operand A (else neighbouring rows)?</summary>
    static abstract bool AAlongK { get; }

    /// <summary>Do neighbouring threads read neighbouring k of operand B (else neighbouring columns)?</summary>
    static abstract bool BAlongK { get; }

    int Rows { get; }

    int Columns { get; }

    int First(int part);

    int Last(int part);

    Cursor ARow(int part, int row);

    Cursor AStep(int part, int k);

    /// <summary>Both cursors are inside.</summary>
    float A(Cursor row, Cursor step);

    Cursor BColumn(int part, int column);

    Cursor BStep(int part, int k);

    /// <summary>Both cursors are inside.</summary>
    float B(Cursor column, Cursor step);

    /// <summary>Position of C[row, column] = RowAt + ColumnAt.</summary>
    int RowAt(int part, int row);

    int ColumnAt(int part, int column);

    /// <summary>What the chain starts from; +0 unless accumulating.</summary>
    float Start(int at);

    void Store(int part, int row, int column, int at, float sum);
}
