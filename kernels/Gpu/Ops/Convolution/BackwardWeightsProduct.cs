using ILGPU;

namespace DistTrain.Kernels;

/// <summary>Slot s, W[o, tap] = Σ over the slot's rows (sample, output position) of Dy[n, o, position] · X under the tap: rows = outputs of a group, columns = taps, part = slot · groups + group.</summary>
public readonly record struct BackwardWeightsProduct(
    ConvolutionGeometry Shape, ArrayView<float> X, ArrayView<float> Dy, ArrayView<float> Slots, ChunkTable Chunks) : IProduct
{
    public static bool AAlongK => true;

    public static bool BAlongK => true;

    public int Rows => Shape.GroupOutputs;

    public int Columns => Shape.TapCount;

    public int First(int part) => Chunks.FirstRow(part / Shape.Groups);

    public int Last(int part) => Chunks.EndRow(part / Shape.Groups);

    public Cursor ARow(int part, int row) => new(row * Shape.Positions);

    public Cursor AStep(int part, int k)
    {
        var sample = k / Shape.Positions;
        return new((sample * Shape.Groups + Group(part)) * Shape.GroupOutputs * Shape.Positions + k - sample * Shape.Positions);
    }

    public float A(Cursor row, Cursor step) => Dy[row.A + step.A];

    public Cursor BColumn(int part, int column) => Shape.Tap(column);

    public Cursor BStep(int part, int k) => Shape.Position(Group(part), k);

    public float B(Cursor column, Cursor step) => Shape.Input(X, step, column);

    public int RowAt(int part, int row) => (part * Shape.GroupOutputs + row) * Shape.TapCount;

    public int ColumnAt(int part, int column) => column;

    public float Start(int at) => 0f;

    public void Store(int part, int row, int column, int at, float sum) => Slots[at] = sum;

    private int Group(int part) => part - part / Shape.Groups * Shape.Groups;
}
