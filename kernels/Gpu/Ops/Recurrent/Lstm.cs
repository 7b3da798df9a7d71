using ILGPU;

namespace DistTrain.Kernels;

/// <summary>ILstm on an accelerator: the products of <see cref="LinearGpu"/> around one kernel a step, one thread for each sample and hidden unit.</summary>
public sealed class LstmGpu(GpuDevice device) : ILstm
{
    private readonly GpuKernel<StepArguments> _forward = new(device, ForwardKernel);
    private readonly GpuKernel<StepArguments> _backward = new(device, BackwardKernel);
    private readonly GpuKernel<ShiftArguments> _shift = new(device, ShiftKernel);

    // Kept between calls and grown when a larger batch comes: state [N, H], projected [N, 4H], cell gradient [N, H], shifted outputs [N, T, H].
    private DeviceBuffer? _state, _projected, _cellGradient, _shifted;

    /// <summary>Gates, DGates [N, T, 4H]; Cells, Outputs [N, T, H] (y forward, dy backward); Before [N, H]: c0; State, CellGradient [N, H]; Projected [N, 4H].</summary>
    public readonly record struct StepArguments(
        ArrayView<float> Gates, ArrayView<float> DGates, ArrayView<float> Cells, ArrayView<float> Outputs, ArrayView<float> Before, ArrayView<float> State,
        ArrayView<float> Projected, ArrayView<float> CellGradient, int HasBefore, int Step, int Steps, int Hidden, int Count);

    /// <summary>Y, Shifted [N, T, H]: Shifted holds h of the step before, H0 [N, H] at first.</summary>
    public readonly record struct ShiftArguments(ArrayView<float> H0, ArrayView<float> Y, ArrayView<float> Shifted, int HasH0, int Steps, int Hidden, int Count);

    public void Forward(in LstmShape shape, int samples, View x, View wInput, View wHidden, View bInput, View bHidden, View h0, View c0, View y, View gates, View cells)
    {
        LstmSequence.ExpectShapes(shape, samples, x, wInput, wHidden, h0, c0, y, gates, cells);
        OperandCheck.Shape("lstm", "bInput", bInput, 4L * shape.Hidden);
        OperandCheck.Shape("lstm", "bHidden", bHidden, 4L * shape.Hidden);
        var (steps, hidden) = (shape.Steps, shape.Hidden);
        var state = Kept(ref _state, samples * hidden);
        var projected = Kept(ref _projected, samples * 4 * hidden);
        var (linear, vector) = (device.Op<ILinear>(), device.Op<IVector>());

        linear.Forward(samples * steps, shape.Inputs, 4 * hidden, x, wInput, bInput, gates, Epilogue.None);
        if (h0.IsNone) vector.Fill(state, 0f);
        else vector.Copy(h0, state);
        for (var t = 0; t < steps; t++)
        {
            linear.Forward(samples, hidden, 4 * hidden, state, wHidden, bHidden, projected, Epilogue.None);
            _forward.LaunchLine(samples * hidden, Step(shape, samples, t, gates, View.None, cells, y, c0, state, projected, View.None));
        }
    }

    public void Backward(in LstmShape shape, Segments segments, View x, View wInput, View wHidden, View h0, View c0, View y, View gates, View cells,
        View dy, View dGates, View dx, View dwInput, View dwHidden, View dbInput, View dbHidden)
    {
        ArgumentNullException.ThrowIfNull(segments);
        var (samples, steps, hidden) = (segments.Samples, shape.Steps, shape.Hidden);
        LstmSequence.ExpectShapes(shape, samples, x, wInput, wHidden, h0, c0, y, gates, cells);
        OperandCheck.Shape("lstm", "dy", dy, samples, steps, hidden);
        OperandCheck.Shape("lstm", "dGates", dGates, samples, steps, 4L * hidden);
        OperandCheck.Shape("lstm", "dx", dx, samples, steps, shape.Inputs);
        var state = Kept(ref _state, samples * hidden);
        var projected = Kept(ref _projected, samples * 4 * hidden);
        var cellGradient = Kept(ref _cellGradient, samples * hidden);
        var (linear, vector) = (device.Op<ILinear>(), device.Op<IVector>());

        vector.Fill(state, 0f);
        vector.Fill(cellGradient, 0f);
        for (var t = steps - 1; t >= 0; t--)
        {
            _backward.LaunchLine(samples * hidden, Step(shape, samples, t, gates, dGates, cells, dy, c0, state, projected, cellGradient));
            if (t > 0) linear.BackwardInput(samples, hidden, 4 * hidden, projected, wHidden, state);
        }
        linear.BackwardInput(samples * steps, shape.Inputs, 4 * hidden, dGates, wInput, dx);
        linear.BackwardWeights(segments, steps, shape.Inputs, 4 * hidden, x, dGates, dwInput, dbInput);
        var shifted = Kept(ref _shifted, samples * steps * hidden);
        _shift.LaunchLine(shifted.Length, new(GpuBuffer.Of(h0), GpuBuffer.Of(y), GpuBuffer.Of(shifted), h0.IsNone ? 0 : 1, steps, hidden, shifted.Length));
        linear.BackwardWeights(segments, steps, hidden, 4 * hidden, shifted, dGates, dwHidden, dbHidden);
    }

    private static StepArguments Step(
        in LstmShape shape, int samples, int t, View gates, View dGates, View cells, View outputs, View c0, View state, View projected, View cellGradient) =>
        new(GpuBuffer.Of(gates), GpuBuffer.Of(dGates), GpuBuffer.Of(cells), GpuBuffer.Of(outputs), GpuBuffer.Of(c0), GpuBuffer.Of(state),
            GpuBuffer.Of(projected), GpuBuffer.Of(cellGradient), c0.IsNone ? 0 : 1, t, shape.Steps, shape.Hidden, samples * shape.Hidden);

    private View Kept(ref DeviceBuffer? buffer, int length)
    {
        if (buffer is null || buffer.Length < length)
        {
            buffer?.Dispose();
            buffer = device.Allocate(length);
        }
        return buffer.View.Part(0, length);
    }

    private static void ForwardKernel(StepArguments a)
    {
        var index = Grid.GlobalIndex.X;
        if (index >= a.Count) return;
        var n = index / a.Hidden;
        var j = index - n * a.Hidden;
        var at = (long)(n * a.Steps + a.Step) * a.Hidden + j;
        var (gate, row) = (4 * (at - j) + j, 4L * n * a.Hidden + j);
        var i = Lane.Sigmoid(Lane1.Of(a.Gates[gate] + a.Projected[row])).Value;
        var f = Lane.Sigmoid(Lane1.Of(a.Gates[gate + a.Hidden] + a.Projected[row + a.Hidden])).Value;
        var g = Lane.Tanh(Lane1.Of(a.Gates[gate + 2 * a.Hidden] + a.Projected[row + 2 * a.Hidden])).Value;
        var o = Lane.Sigmoid(Lane1.Of(a.Gates[gate + 3 * a.Hidden] + a.Projected[row + 3 * a.Hidden])).Value;
        var c = MathF.FusedMultiplyAdd(i, g, f * CellBefore(a, index, at));
        var h = o * Lane.Tanh(Lane1.Of(c)).Value;
        a.Gates[gate] = i;
        a.Gates[gate + a.Hidden] = f;
        a.Gates[gate + 2 * a.Hidden] = g;
        a.Gates[gate + 3 * a.Hidden] = o;
        a.Cells[at] = c;
        a.Outputs[at] = h;
        a.State[index] = h;
    }

    // Gate gradients before the nonlinearities, kept in order (DGates) and as this step's rows (Projected); State holds dh from the step after.
    private static void BackwardKernel(StepArguments a)
    {
        var index = Grid.GlobalIndex.X;
        if (index >= a.Count) return;
        var n = index / a.Hidden;
        var j = index - n * a.Hidden;
        var at = (long)(n * a.Steps + a.Step) * a.Hidden + j;
        var (gate, row) = (4 * (at - j) + j, 4L * n * a.Hidden + j);
        var (i, f) = (a.Gates[gate], a.Gates[gate + a.Hidden]);
        var (g, o) = (a.Gates[gate + 2 * a.Hidden], a.Gates[gate + 3 * a.Hidden]);
        var tanh = Lane.Tanh(Lane1.Of(a.Cells[at])).Value;
        var dh = a.Outputs[at] + a.State[index];
        var dc = MathF.FusedMultiplyAdd(dh * o, MathF.FusedMultiplyAdd(-tanh, tanh, 1f), a.CellGradient[index]);
        Put(a, gate, row, 0, dc * g * (i * (1f - i)));
        Put(a, gate, row, a.Hidden, dc * CellBefore(a, index, at) * (f * (1f - f)));
        Put(a, gate, row, 2 * a.Hidden, dc * i * MathF.FusedMultiplyAdd(-g, g, 1f));
        Put(a, gate, row, 3 * a.Hidden, dh * tanh * (o * (1f - o)));
        a.CellGradient[index] = dc * f;
    }

    private static void ShiftKernel(ShiftArguments a)
    {
        var index = Grid.GlobalIndex.X;
        if (index >= a.Count) return;
        var row = index / a.Hidden;
        var n = row / a.Steps;
        var shifted = 0f;
        if (row - n * a.Steps > 0) shifted = a.Y[index - a.Hidden];
        else if (a.HasH0 != 0) shifted = a.H0[n * a.Hidden + index - row * a.Hidden];
        a.Shifted[index] = shifted;
    }

    private static float CellBefore(StepArguments a, int index, long at)
    {
        if (a.Step > 0) return a.Cells[at - a.Hidden];
        return a.HasBefore != 0 ? a.Before[index] : 0f;
    }

    private static void Put(StepArguments a, long gate, long row, int part, float value)
    {
        a.DGates[gate + part] = value;
        a.Projected[row + part] = value;
    }
}
