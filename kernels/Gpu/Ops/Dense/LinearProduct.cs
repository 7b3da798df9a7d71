using ILGPU;

namespace DistTrain.Kernels;

/// <summary>Y [Rows, Columns] = epilogue(X [Rows, K] · W [Columns, K]ᵀ + Bias [Columns]).</summary>
public readonly record struct LinearProduct(
    ArrayView<float> X, ArrayView<float> W, ArrayView<float> Bias, ArrayView<float> Y, int Rows, int Columns, int K, int HasBias, int IsRelu) : IProduct
{
    public static bool AAlongK => true;

    public static bool BAlongK => true;

    public int First(int part) => 0;

    public int Last(int part) => K;

    public Cursor ARow(int part, int row) => new(row * K);

    public Cursor AStep(int part, int k) => new(k);

    public float A(Cursor row, Cursor step) => X[row.A + step.A];

    public Cursor BColumn(int part, int column) => new(column * K);

    public Cursor BStep(int part, int k) => new(k);

    public float B(Cursor column, Cursor step) => W[column.A + step.A];

    public int RowAt(int part, int row) => row * Columns;

    public int ColumnAt(int part, int column) => column;

    public float Start(int at) => 0f;

    public void Store(int part, int row, int column, int at, float sum)
    {
        if (HasBias != 0) sum += Bias[column];
        if (IsRelu != 0 && sum < 0f) sum = 0f;
        Y[at] = sum;
    }
}
