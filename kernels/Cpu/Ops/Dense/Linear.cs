namespace DistTrain.Kernels;

/// <summary>What a dense or convolution forward does to a finished output element before it is stored.</summary>
public enum Epilogue
{
    None,

    /// <summary>max(y, 0).</summary>
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
    void BackwardWeights(Segments segments, int rowsPerSample, int inputs, int outputs, View x, View dy, View dw, View dBias);
}
