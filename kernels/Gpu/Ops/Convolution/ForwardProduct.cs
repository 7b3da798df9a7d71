using ILGPU;

namespace DistTrain.Kernels;

/// <summary>Y[n, o, position] = epilogue(Σ over taps of W[o, tap] · X under the tap + Bias[o]): rows = outputs of a group, columns = (sample, position), parts = groups.</summary>
public readonly record struct ForwardProduct(
    ConvolutionGeometry Shape, ArrayView<float> X, ArrayView<float> W, ArrayView<float> Bias, ArrayView<float> Y, int Columns, int HasBias, int IsRelu) : IProduct
{
    public static bool AAlongK => true;

    public static bool BAlongK => false;

    public int Rows => Shape.GroupOutputs;

    public int First(int part) => 0;

    public int Last(int part) => Shape.TapCount;

    public Cursor ARow(int part, int row) => new((part * Shape.GroupOutputs + row) * Shape.TapCount);

    public Cursor AStep(int part, int k) => new(k);

    public float A(Cursor row, Cursor step) => W[row.A + step.A];

    public Cursor BColumn(int part, int column) => Shape.Position(part, column);

    public Cursor BStep(int part, int k) => Shape.Tap(k);

    public float B(Cursor column, Cursor step) => Shape.Input(X, column, step);

    public int RowAt(int part, int row) => (part * Shape.GroupOutputs + row) * Shape.Positions;

    public int ColumnAt(int part, int column)
    {
        var sample = column / Shape.Positions;
        return sample * (Shape.Groups * Shape.GroupOutputs - 1) * Shape.Positions + column;
    }

    public float Start(int at) => 0f;

    public void Store(int part, int row, int column, int at, float sum)
    {
        if (HasBias != 0) sum += Bias[part * Shape.GroupOutputs + row];
        if (IsRelu != 0 && sum < 0f) sum = 0f;
        Y[at] = sum;
    }
}
