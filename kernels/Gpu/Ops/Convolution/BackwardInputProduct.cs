using ILGPU;

namespace DistTrain.Kernels;

/// <summary>Dx[n, c, position] = Σ over (o, ky, kx) of W[o, c, ky, kx] · Dy where that tap met the position: rows = channels of a group, columns = (sample, input position), parts = groups.</summary>
public readonly record struct BackwardInputProduct(
    ConvolutionGeometry Shape, ArrayView<float> Dy, ArrayView<float> W, ArrayView<float> Dx, int Columns) : IProduct
{
    public static bool AAlongK => true;

    public static bool BAlongK => false;

    public int Rows => Shape.GroupChannels;

    public int First(int part) => 0;

    public int Last(int part) => Shape.OutTapCount;

    public Cursor ARow(int part, int row) => new(part * Shape.GroupOutputs * Shape.TapCount + row * Shape.KernelArea);

    public Cursor AStep(int part, int k) => new(Shape.Outs[Shape.OutTapCount + k]);

    public float A(Cursor row, Cursor step) => W[row.A + step.A];

    // The input position in padded coordinates.
    public Cursor BColumn(int part, int column)
    {
        var sample = column / Shape.Plane;
        var position = column - sample * Shape.Plane;
        var row = position / Shape.Width;
        return new((sample * Shape.Groups + part) * Shape.GroupOutputs * Shape.Positions, row + Shape.PaddingY, position - row * Shape.Width + Shape.PaddingX);
    }

    public Cursor BStep(int part, int k)
    {
        var offsets = Shape.Outs[2 * Shape.OutTapCount + k];
        return new(Shape.Outs[k], offsets >> 16, offsets & 0xFFFF);
    }

    public float B(Cursor column, Cursor step)
    {
        var (y, x) = (column.B - step.B, column.C - step.C);
        if (y < 0 || x < 0) return 0f;
        var (oy, ox) = (y, x);
        if (Shape.StrideY > 1 || Shape.StrideX > 1)
        {
            (oy, ox) = (y / Shape.StrideY, x / Shape.StrideX);
            // Between two outputs of a strided convolution: no output saw this input through this tap.
            if (oy * Shape.StrideY != y || ox * Shape.StrideX != x) return 0f;
        }
        return ox < Shape.OutX && oy * Shape.OutX < Shape.Positions ? Dy[column.A + step.A + oy * Shape.OutX + ox] : 0f;
    }

    public int RowAt(int part, int row) => (part * Shape.GroupChannels + row) * Shape.Plane;

    public int ColumnAt(int part, int column)
    {
        var sample = column / Shape.Plane;
        return sample * (Shape.Groups * Shape.GroupChannels - 1) * Shape.Plane + column;
    }

    public float Start(int at) => 0f;

    public void Store(int part, int row, int column, int at, float sum) => Dx[at] = sum;
}
