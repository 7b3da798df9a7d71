namespace DistTrain.Kernels;

/// <summary>N sequences of T steps, I inputs, H hidden; gates in PyTorch's order i, f, g, o.</summary>
public readonly record struct LstmShape(int Steps, int Inputs, int Hidden);

/// <summary>
/// i, f, o = sigmoid, g = tanh of (x_t · wInputᵀ + bInput) + (h_{t-1} · wHiddenᵀ + bHidden);  c_t = f·c_{t-1} + i·g;  h_t = o·tanh(c_t).
/// A whole-sequence op: its weight gradients are one product over all rows (sample, t) after the time loop.
/// Hochreiter and Schmidhuber 1997; forget gate: Gers, Schmidhuber, Cummins 2000.
/// </summary>
/// <remarks>Both products are those of <see cref="ILinear"/>; c_t = fma(i, g, f·c_{t-1}). Absent initial states are zeros.</remarks>
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

/// <inheritdoc cref="ILstm"/>
public sealed unsafe class LstmReference(CpuDevice device) : LstmSequence(device)
{
    private protected override void ForwardStep(in StepCall call)
    {
        for (var n = 0; n < call.Samples; n++)
            for (var j = 0; j < call.Hidden; j++)
            {
                var gate = call.Gates + n * call.GateStride;
                var row = call.Projected + (long)n * 4 * call.Hidden;
                var i = Sigmoid(gate[j] + row[j]);
                var f = Sigmoid(gate[call.Hidden + j] + row[call.Hidden + j]);
                var g = Tanh(gate[2 * call.Hidden + j] + row[2 * call.Hidden + j]);
                var o = Sigmoid(gate[3 * call.Hidden + j] + row[3 * call.Hidden + j]);
                var before = call.Before == null ? 0 : call.Before[n * call.BeforeStride + j];
                var c = MathF.FusedMultiplyAdd(i, g, f * before);
                var h = o * Tanh(c);
                (gate[j], gate[call.Hidden + j], gate[2 * call.Hidden + j], gate[3 * call.Hidden + j]) = (i, f, g, o);
                call.Cells[n * call.Stride + j] = c;
                call.Outputs[n * call.Stride + j] = h;
                call.State[(long)n * call.Hidden + j] = h;
            }
    }

    private protected override void BackwardStep(in StepCall call)
    {
        for (var n = 0; n < call.Samples; n++)
            for (var j = 0; j < call.Hidden; j++)
            {
                var gate = call.Gates + n * call.GateStride;
                var (i, f, g, o) = (gate[j], gate[call.Hidden + j], gate[2 * call.Hidden + j], gate[3 * call.Hidden + j]);
                var before = call.Before == null ? 0 : call.Before[n * call.BeforeStride + j];
                var tanh = Tanh(call.Cells[n * call.Stride + j]);
                var dh = call.Outputs[n * call.Stride + j] + call.State[(long)n * call.Hidden + j];
                var dc = MathF.FusedMultiplyAdd(dh * o, MathF.FusedMultiplyAdd(-tanh, tanh, 1), call.CellGradient[(long)n * call.Hidden + j]);
                var row = call.Projected + (long)n * 4 * call.Hidden;
                row[j] = dc * g * (i * (1 - i));
                row[call.Hidden + j] = dc * before * (f * (1 - f));
                row[2 * call.Hidden + j] = dc * i * MathF.FusedMultiplyAdd(-g, g, 1);
                row[3 * call.Hidden + j] = dh * tanh * (o * (1 - o));
                call.CellGradient[(long)n * call.Hidden + j] = dc * f;
            }
    }

    private static float Sigmoid(float x) => Lane.Sigmoid(Lane1.Of(x)).Value;

    private static float Tanh(float x) => Lane.Tanh(Lane1.Of(x)).Value;
}
