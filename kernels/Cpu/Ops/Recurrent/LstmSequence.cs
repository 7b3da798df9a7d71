namespace DistTrain.Kernels;

/// <summary>The time loop of an LSTM around the products of <see cref="ILinear"/>; the gates of one step are the derived class's.</summary>
public abstract unsafe class LstmSequence : ILstm
{
    private readonly CpuDevice _device;

    // Kept between calls and grown when a larger batch comes.
    private CpuBuffer? _state, _projected, _cellGradient, _shifted;

    private protected LstmSequence(CpuDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        _device = device;
    }

    public void Forward(in LstmShape shape, int samples, View x, View wInput, View wHidden, View bInput, View bHidden, View h0, View c0, View y, View gates, View cells)
    {
        ExpectShapes(shape, samples, x, wInput, wHidden, h0, c0, y, gates, cells);
        OperandCheck.Shape("lstm", "bInput", bInput, 4L * shape.Hidden);
        OperandCheck.Shape("lstm", "bHidden", bHidden, 4L * shape.Hidden);
        var (steps, hidden) = (shape.Steps, shape.Hidden);
        var state = Kept(ref _state, samples * hidden);
        var projected = Kept(ref _projected, samples * 4 * hidden);
        var linear = _device.Op<ILinear>();

        linear.Forward(samples * steps, shape.Inputs, 4 * hidden, x, wInput, bInput, gates, Epilogue.None);
        if (h0.IsNone) state.AsSpan().Clear();
        else h0.AsSpan().CopyTo(state.AsSpan());
        for (var t = 0; t < steps; t++)
        {
            linear.Forward(samples, hidden, 4 * hidden, state, wHidden, bHidden, projected, Epilogue.None);
            ForwardStep(Step(shape, samples, t, gates, cells, c0, y, state, projected, null));
        }
    }

    public void Backward(in LstmShape shape, Segments segments, View x, View wInput, View wHidden, View h0, View c0, View y, View gates, View cells,
        View dy, View dGates, View dx, View dwInput, View dwHidden, View dbInput, View dbHidden)
    {
        ArgumentNullException.ThrowIfNull(segments);
        var (samples, steps, hidden) = (segments.Samples, shape.Steps, shape.Hidden);
        ExpectShapes(shape, samples, x, wInput, wHidden, h0, c0, y, gates, cells);
        OperandCheck.Shape("lstm", "dy", dy, samples, steps, hidden);
        OperandCheck.Shape("lstm", "dGates", dGates, samples, steps, 4L * hidden);
        OperandCheck.Shape("lstm", "dx", dx, samples, steps, shape.Inputs);
        var state = Kept(ref _state, samples * hidden);               // the gradient that reaches h from the step after
        var projected = Kept(ref _projected, samples * 4 * hidden);   // one step's gate gradients, rows side by side
        var cellGradient = Kept(ref _cellGradient, samples * hidden);
        var linear = _device.Op<ILinear>();

        state.AsSpan().Clear();
        cellGradient.AsSpan().Clear();
        for (var t = steps - 1; t >= 0; t--)
        {
            BackwardStep(Step(shape, samples, t, gates, cells, c0, dy, state, projected, cellGradient.Floats()));
            for (var n = 0; n < samples; n++)
                projected.AsSpan().Slice(n * 4 * hidden, 4 * hidden).CopyTo(dGates.AsSpan().Slice((n * steps + t) * 4 * hidden, 4 * hidden));
            if (t > 0) linear.BackwardInput(samples, hidden, 4 * hidden, projected, wHidden, state);
        }

        linear.BackwardInput(samples * steps, shape.Inputs, 4 * hidden, dGates, wInput, dx);
        linear.BackwardWeights(segments, steps, shape.Inputs, 4 * hidden, x, dGates, dwInput, dbInput);
        var shifted = Kept(ref _shifted, samples * steps * hidden);
        for (var n = 0; n < samples; n++)
        {
            var rows = shifted.AsSpan().Slice(n * steps * hidden, steps * hidden);
            if (h0.IsNone) rows[..hidden].Clear();
            else h0.AsSpan().Slice(n * hidden, hidden).CopyTo(rows);
            y.AsSpan().Slice(n * steps * hidden, (steps - 1) * hidden).CopyTo(rows[hidden..]);
        }
        linear.BackwardWeights(segments, steps, hidden, 4 * hidden, shifted, dGates, dwHidden, dbHidden);
    }

    /// <summary>Gates, cells and outputs of one step for all samples.</summary>
    private protected abstract void ForwardStep(in StepCall call);

    /// <summary>Gate gradients (before the nonlinearities) of one step, and the cell gradient of the step before.</summary>
    private protected abstract void BackwardStep(in StepCall call);

    /// <summary>One step's rows: sample n's are at n times the stride. Outputs is y forward and dy backward.</summary>
    private protected readonly struct StepCall(int samples, int hidden, long stride, float* gates, float* cells, float* outputs,
        float* before, long beforeStride, float* state, float* projected, float* cellGradient)
    {
        public readonly int Samples = samples, Hidden = hidden;
        public readonly long Stride = stride, GateStride = 4 * stride, BeforeStride = beforeStride;
        public readonly float* Gates = gates, Cells = cells, Outputs = outputs, Before = before, State = state, Projected = projected, CellGradient = cellGradient;
    }

    private static StepCall Step(in LstmShape shape, int samples, int t, View gates, View cells, View c0, View outputs, View state, View projected, float* cellGradient)
    {
        var at = (long)t * shape.Hidden;
        var stride = (long)shape.Steps * shape.Hidden;
        var (before, beforeStride) = t == 0 ? ((nint)c0.Floats(), shape.Hidden) : ((nint)(cells.Floats() + at - shape.Hidden), stride);
        return new StepCall(samples, shape.Hidden, stride, gates.Floats() + 4 * at, cells.Floats() + at, outputs.Floats() + at,
            (float*)before, beforeStride, state.Floats(), projected.Floats(), cellGradient);
    }

    private View Kept(ref CpuBuffer? buffer, int length)
    {
        if (buffer is null || buffer.Length < length)
        {
            buffer?.Dispose();
            buffer = new CpuBuffer(_device, length);
        }
        return buffer.View.Part(0, length);
    }

    internal static void ExpectShapes(in LstmShape shape, int samples, View x, View wInput, View wHidden, View h0, View c0, View y, View gates, View cells)
    {
        var (steps, inputs, hidden) = (shape.Steps, shape.Inputs, shape.Hidden);
        OperandCheck.Positive("lstm", "samples", samples);
        OperandCheck.Positive("lstm", "steps", steps);
        OperandCheck.Positive("lstm", "inputs", inputs);
        OperandCheck.Positive("lstm", "hidden", hidden);
        OperandCheck.Shape("lstm", "x", x, samples, steps, inputs);
        OperandCheck.Shape("lstm", "wInput", wInput, 4L * hidden, inputs);
        OperandCheck.Shape("lstm", "wHidden", wHidden, 4L * hidden, hidden);
        OperandCheck.ShapeOrAbsent("lstm", "h0", h0, samples, hidden);
        OperandCheck.ShapeOrAbsent("lstm", "c0", c0, samples, hidden);
        OperandCheck.Shape("lstm", "y", y, samples, steps, hidden);
        OperandCheck.Shape("lstm", "gates", gates, samples, steps, 4L * hidden);
        OperandCheck.Shape("lstm", "cells", cells, samples, steps, hidden);
    }
}
