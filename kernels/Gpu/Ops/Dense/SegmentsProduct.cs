using ILGPU;

namespace DistTrain.Kernels;

/// <summary>Slot s [Rows, Columns] = Σ over the slot's rows r of Left[r, row] · Right[r, column]: the chunks of Aᵀ · B.</summary>
public readonly record struct SegmentsProduct(ArrayView<float> Left, ArrayView<float> Right, ArrayView<float> Slots, ChunkTable Chunks, int Rows, int Columns) : IProduct
{
    public static bool AAlongK => false;

    public static bool BAlongK => false;

    public int First(int part) => Chunks.FirstRow(part);

    public int Last(int part) => Chunks.EndRow(part);

    public Cursor ARow(int part, int row) => new(row);

    public Cursor AStep(int part, int k) => new(k * Rows);

    public float A(Cursor row, Cursor step) => Left[row.A + step.A];

    public Cursor BColumn(int part, int column) => new(column);

    public Cursor BStep(int part, int k) => new(k * Columns);

    public float B(Cursor column, Cursor step) => Right[column.A + step.A];

    public int RowAt(int part, int row) => (part * Rows + row) * Columns;

    public int ColumnAt(int part, int column) => column;

    public float Start(int at) => 0f;

    public void Store(int part, int row, int column, int at, float sum) => Slots[at] = sum;
}
