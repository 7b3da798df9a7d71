using ILGPU;

namespace DistTrain.Kernels;

/// <summary>C [Rows, Columns] = A · B from flat memory with a line distance and a step distance for each operand: every transposition.</summary>
/// <param name="Left">A[row, k] at row · LeftRow + k · LeftK.</param>
/// <param name="Right">B[k, column] at column · RightColumn + k · RightK.</param>
/// <param name="Accumulate">1: C's elements start the chains.</param>
public readonly record struct MatrixProduct<TLeftAlongK, TRightAlongK>(
    ArrayView<float> Left, ArrayView<float> Right, ArrayView<float> Result, int Rows, int Columns, int K,
    int LeftRow, int LeftK, int RightColumn, int RightK, int Accumulate) : IProduct
    where TLeftAlongK : struct, IFlag where TRightAlongK : struct, IFlag
{
    public static bool AAlongK => TLeftAlongK.Value;

    public static bool BAlongK => TRightAlongK.Value;

    public int First(int part) => 0;

    public int Last(int part) => K;

    public Cursor ARow(int part, int row) => new(row * LeftRow);

    public Cursor AStep(int part, int k) => new(k * LeftK);

    public float A(Cursor row, Cursor step) => Left[row.A + step.A];

    public Cursor BColumn(int part, int column) => new(column * RightColumn);

    public Cursor BStep(int part, int k) => new(k * RightK);

    public float B(Cursor column, Cursor step) => Right[column.A + step.A];

    public int RowAt(int part, int row) => row * Columns;

    public int ColumnAt(int part, int column) => column;

    public float Start(int at) => Accumulate != 0 ? Result[at] : 0f;

    public void Store(int part, int row, int column, int at, float sum) => Result[at] = sum;
}
