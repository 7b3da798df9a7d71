namespace DistTrain.Kernels;

/// <summary>What a dense or convolution forward does to a finished output element before it is stored.</summary>
public enum Epilogue
{
    None,

    /// <summary>y &lt; 0 ? 0 : y. NaN stays NaN, -0 stays -0.</summary>
    Relu,
}

/// <summary>y [R, O] = epilogue(x [R, I] · w [O, I]ᵀ + bias [O]).  R = samples x rowsPerSample. PyTorch's layout.</summary>
public interface ILinear : IOp
{
    /// <summary>y is overwritten. Each element: one FMA chain over I from +0, then + bias, then the epilogue. Bias may be absent.</summary>
    void Forward(int rows, int inputs, int outputs, View x, View w, View bias, View y, Epilogue epilogue);

    /// <summary>dx [R, I] = dy [R, O] · w [O, I]; dx is overwritten; chain over O from +0.</summary>
    void BackwardInput(int rows, int inputs, int outputs, View dy, View w, View dx);

    /// <summary>dw [O, I] = tree of dyᵀ · x, dBias [O] = tree of the rows of dy; both overwritten. dBias may be absent.</summary>
    /// <remarks>Chunks, segments and tree as <see cref="IMatMul.MultiplySegments"/>; dBias is that product with a column of ones.</remarks>
    void BackwardWeights(Segments segments, int rowsPerSample, int inputs, int outputs, View x, View dy, View dw, View dBias);
}

/// <summary>The plain loops: the definition.</summary>
internal sealed unsafe class LinearReference(CpuDevice device) : ILinear
{
    private readonly MatMulReference _product = new(device);

    public void Forward(int rows, int inputs, int outputs, View x, View w, View bias, View y, Epilogue epilogue)
    {
        CheckForward(rows, inputs, outputs, x, w, bias, y);
        _product.Multiply(new MatMulShape(rows, outputs, inputs, TransposeB: true), x, w, y);
        float* py = y.Floats(), pb = bias.Floats();
        for (long i = 0; i < rows; i++)
            for (long j = 0; j < outputs; j++)
            {
                ref var element = ref py[i * outputs + j];
                if (pb != null) element += pb[j];
                if (epilogue == Epilogue.Relu && element < 0f) element = 0f;
            }
    }

    public void BackwardInput(int rows, int inputs, int outputs, View dy, View w, View dx)
    {
        CheckBackwardInput(rows, inputs, outputs, dy, w, dx);
        _product.Multiply(new MatMulShape(rows, inputs, outputs), dy, w, dx);
    }

    public void BackwardWeights(Segments segments, int rowsPerSample, int inputs, int outputs, View x, View dy, View dw, View dBias)
    {
        CheckBackwardWeights(segments, rowsPerSample, inputs, outputs, x, dy, dw, dBias);
        _product.MultiplySegments(segments, rowsPerSample, outputs, inputs, dy, x, dw);
        if (dBias.IsNone) return;
        var rows = segments.Samples * rowsPerSample;
        using var ones = new CpuBuffer(_product.Device, rows);
        ones.View.AsSpan().Fill(1f);
        _product.MultiplySegments(segments, rowsPerSample, outputs, 1, dy, ones.View, dBias);
    }

    internal static void CheckForward(int rows, int inputs, int outputs, View x, View w, View bias, View y)
    {
        CheckSizes("linear", rows, inputs, outputs);
        OperandCheck.Shape("linear", "x", x, rows, inputs);
        OperandCheck.Shape("linear", "w", w, outputs, inputs);
        OperandCheck.ShapeOrAbsent("linear", "bias", bias, outputs);
        OperandCheck.Shape("linear", "y", y, rows, outputs);
    }

    internal static void CheckBackwardInput(int rows, int inputs, int outputs, View dy, View w, View dx)
    {
        CheckSizes("linear, gradient of the input", rows, inputs, outputs);
        OperandCheck.Shape("linear, gradient of the input", "dy", dy, rows, outputs);
        OperandCheck.Shape("linear, gradient of the input", "w", w, outputs, inputs);
        OperandCheck.Shape("linear, gradient of the input", "dx", dx, rows, inputs);
    }

    internal static void CheckBackwardWeights(Segments segments, int rowsPerSample, int inputs, int outputs, View x, View dy, View dw, View dBias)
    {
        const string op = "linear, gradient of the weights";
        var rows = (long)segments.Samples * rowsPerSample;
        CheckSizes(op, rows, inputs, outputs);
        OperandCheck.Positive(op, "rowsPerSample", rowsPerSample);
        OperandCheck.Shape(op, "x", x, rows, inputs);
        OperandCheck.Shape(op, "dy", dy, rows, outputs);
        OperandCheck.Shape(op, "dw", dw, outputs, inputs);
        OperandCheck.ShapeOrAbsent(op, "dBias", dBias, outputs);
    }

    private static void CheckSizes(string op, long rows, int inputs, int outputs)
    {
        OperandCheck.Positive(op, "rows", rows, 0);
        OperandCheck.Positive(op, "inputs", inputs);
        OperandCheck.Positive(op, "outputs", outputs);
    }
}
