namespace DistTrain.Kernels;

/// <summary>N sequences of T steps, I inputs, H hidden; gates in PyTorch's order i, f, g, o.</summary>
public readonly record struct LstmShape(int Steps, int Inputs, int Hidden);

/// <summary>
/// i, f, o = sigmoid, g = tanh of (x_t · wInputᵀ + bInput + h_{t-1} · wHiddenᵀ + bHidden);  c_t = f·c_{t-1} + i·g;  h_t = o·tanh(c_t).
/// A whole-sequence op: its weight gradients are one product over all rows (sample, t) after the time loop.
/// </summary>
public interface ILstm : IOp
{
    /// <param name="x">[N, T, I].</param>
    /// <param name="wInput">[4H, I]; wHidden [4H, H]; biases [4H].</param>
    /// <param name="h0">[N, H] or absent (zeros); c0 likewise.</param>
    /// <param name="y">[N, T, H], overwritten.</param>
    /// <param name="gates">[N, T, 4H] after their nonlinearities, saved, overwritten.</param>
    /// <param name="cells">[N, T, H], saved, overwritten.</param>
    void Forward(in LstmShape shape, int samples, View x, View wInput, View wHidden, View bInput, View bHidden, View h0, View c0, View y, View gates, View cells);

    /// <param name="dGates">[N, T, 4H] scratch, overwritten.</param>
    /// <param name="dx">[N, T, I], overwritten; weight gradients overwritten with the tree over segments.</param>
    void Backward(in LstmShape shape, Segments segments, View x, View wInput, View wHidden, View h0, View c0, View y, View gates, View cells,
        View dy, View dGates, View dx, View dwInput, View dwHidden, View dbInput, View dbHidden);
}
