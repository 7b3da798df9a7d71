namespace DistTrain.Kernels;

/// <summary>y = e^(x - max) / Σ e^(x - max) for each row of [rows, width], or its logarithm y = x - max - ln Σ e^(x - max).</summary>
/// <remarks>Row maximum, own exp and log, 16-lane sums with the fixed fold.</remarks>
public interface ISoftmax : IOp
{
    /// <param name="y">[rows, width], overwritten; may be x.</param>
    void Forward(int rows, int width, bool logarithm, View x, View y);

    /// <summary>dx = y·(dy - Σ dy·y), or dy - e^y·Σ dy with the logarithm; overwritten; may be dy.</summary>
    void Backward(int rows, int width, bool logarithm, View y, View dy, View dx);
}

/// <summary>The plain loops: the definition.</summary>
internal sealed unsafe class SoftmaxReference : ISoftmax
{
    public SoftmaxReference(CpuDevice device) => ArgumentNullException.ThrowIfNull(device);

    public void Forward(int rows, int width, bool logarithm, View x, View y)
    {
        ExpectRows(rows, width, x, y);
        for (var row = 0; row < rows; row++) Row(x.Floats() + (long)row * width, y.Floats() + (long)row * width, width, logarithm);
    }

    public void Backward(int rows, int width, bool logarithm, View y, View dy, View dx)
    {
        ExpectRows(rows, width, y, dy);
        OperandCheck.Shape("softmax", "dx", dx, rows, width);
        Span<float> lanes = stackalloc float[LaneFold.Lanes];
        for (var row = 0; row < rows; row++)
        {
            float* value = y.Floats() + (long)row * width, gradient = dy.Floats() + (long)row * width, to = dx.Floats() + (long)row * width;
            lanes.Clear();
            for (var i = 0; i < width; i++)
                lanes[i % 16] = logarithm ? lanes[i % 16] + gradient[i] : MathF.FusedMultiplyAdd(gradient[i], value[i], lanes[i % 16]);
            var sum = LaneFold.Sum(lanes);
            for (var i = 0; i < width; i++)
                to[i] = logarithm ? MathF.FusedMultiplyAdd(-Lane.Exp(Lane1.Of(value[i])).Value, sum, gradient[i]) : value[i] * (gradient[i] - sum);
        }
    }

    internal static void Row(float* x, float* y, int width, bool logarithm)
    {
        Span<float> lanes = stackalloc float[LaneFold.Lanes];
        lanes.Fill(float.NegativeInfinity);
        for (var i = 0; i < width; i++) lanes[i % 16] = x[i] > lanes[i % 16] ? x[i] : lanes[i % 16];
        var max = LaneFold.Max(lanes);
        lanes.Clear();
        for (var i = 0; i < width; i++) lanes[i % 16] += Lane.Exp(Lane1.Of(x[i] - max)).Value;
        var sum = LaneFold.Sum(lanes);
        var log = Lane.Log(Lane1.Of(sum)).Value;
        for (var i = 0; i < width; i++) y[i] = logarithm ? x[i] - max - log : Lane.Exp(Lane1.Of(x[i] - max)).Value / sum;
    }

    internal static void ExpectRows(int rows, int width, View x, View y)
    {
        OperandCheck.Positive("softmax", "width", width);
        OperandCheck.Shape("softmax", "x", x, rows, width);
        OperandCheck.Shape("softmax", "y", y, rows, width);
    }
}
