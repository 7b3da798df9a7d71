using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <summary>The time loop of a simple recurrent net around the products of <see cref="ILinear"/>.</summary>
internal abstract unsafe class RnnSequence(CpuDevice device) : IRnn
{
    private readonly SequenceMemory _memory = new(device);

    public void Forward(in RecurrentShape shape, bool rectified, int samples, View x, View wInput, View wHidden, View bInput, View bHidden, View y, View h0)
    {
        Expect(shape, samples, x, wInput, wHidden, y);
        var (steps, hidden) = (shape.Steps, shape.Hidden);
        var (state, projected) = (_memory.Of(0, samples * hidden), _memory.Of(1, samples * hidden));
        var linear = device.Op<ILinear>();
        linear.Forward(samples * steps, shape.Inputs, hidden, x, wInput, bInput, y, Epilogue.None);
        SequenceMemory.Begin(state, h0, samples, hidden);
        for (var t = 0; t < steps; t++)
        {
            linear.Forward(samples, hidden, hidden, state, wHidden, bHidden, projected, Epilogue.None);
            for (var n = 0; n < samples; n++)
                ForwardStep(y.Floats() + ((long)n * steps + t) * hidden, projected.Floats() + (long)n * hidden, state.Floats() + (long)n * hidden, hidden, rectified);
        }
    }

    public void Backward(in RecurrentShape shape, bool rectified, Segments segments, View x, View wInput, View wHidden, View y, View dy, View dx, View dwInput, View dwHidden, View dbInput, View dbHidden, View h0)
    {
        ArgumentNullException.ThrowIfNull(segments);
        var (samples, steps, hidden) = (segments.Samples, shape.Steps, shape.Hidden);
        Expect(shape, samples, x, wInput, wHidden, y);
        OperandCheck.Shape("rnn", "dy", dy, samples, steps, hidden);
        OperandCheck.Shape("rnn", "dx", dx, samples, steps, shape.Inputs);
        var (state, projected, gradients) = (_memory.Of(0, samples * hidden), _memory.Of(1, samples * hidden), _memory.Of(2, samples * steps * hidden));
        var linear = device.Op<ILinear>();
        state.AsSpan().Clear();
        for (var t = steps - 1; t >= 0; t--)
        {
            for (var n = 0; n < samples; n++)
            {
                var at = ((long)n * steps + t) * hidden;
                var row = projected.AsSpan().Slice(n * hidden, hidden);
                BackwardStep(y.Floats() + at, dy.Floats() + at, state.Floats() + (long)n * hidden, projected.Floats() + (long)n * hidden, hidden, rectified);
                row.CopyTo(gradients.AsSpan().Slice((n * steps + t) * hidden, hidden));
            }
            if (t > 0) linear.BackwardInput(samples, hidden, hidden, projected, wHidden, state);
        }
        linear.BackwardInput(samples * steps, shape.Inputs, hidden, gradients, wInput, dx);
        linear.BackwardWeights(segments, steps, shape.Inputs, hidden, x, gradients, dwInput, dbInput);
        linear.BackwardWeights(segments, steps, hidden, hidden, _memory.Shifted(3, y, samples, steps, hidden, h0), gradients, dwHidden, dbHidden);
    }

    /// <summary>a = state = f(a + b), one sample.</summary>
    private protected abstract void ForwardStep(float* a, float* b, float* state, int hidden, bool rectified);

    /// <summary>to = (dy + state)·f'(y), one sample.</summary>
    private protected abstract void BackwardStep(float* y, float* dy, float* state, float* to, int hidden, bool rectified);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private protected static void Forward<T, TAccess>(float* a, float* b, float* state, int hidden, bool rectified) where T : unmanaged, ILane<T> where TAccess : struct, ILaneAccess<T>
    {
        for (var j = 0; j < hidden; j += TAccess.Step)
        {
            var sum = TAccess.Load(a + j, hidden - j) + TAccess.Load(b + j, hidden - j);
            var h = rectified ? T.IfGreater(T.Of(0f), sum, T.Of(0f), sum) : Lane.Tanh(sum);
            TAccess.Store(a + j, hidden - j, h);
            TAccess.Store(state + j, hidden - j, h);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private protected static void Backward<T, TAccess>(float* y, float* dy, float* state, float* to, int hidden, bool rectified) where T : unmanaged, ILane<T> where TAccess : struct, ILaneAccess<T>
    {
        for (var j = 0; j < hidden; j += TAccess.Step)
        {
            var h = TAccess.Load(y + j, hidden - j);
            var dh = TAccess.Load(dy + j, hidden - j) + TAccess.Load(state + j, hidden - j);
            TAccess.Store(to + j, hidden - j, rectified ? T.IfGreater(h, T.Of(0f), dh, T.Of(0f)) : dh * T.Fma(-h, h, T.Of(1f)));
        }
    }

    private static void Expect(in RecurrentShape shape, int samples, View x, View wInput, View wHidden, View y)
    {
        OperandCheck.Positive("rnn", "samples", samples);
        OperandCheck.Positive("rnn", "steps", shape.Steps);
        OperandCheck.Shape("rnn", "x", x, samples, shape.Steps, shape.Inputs);
        OperandCheck.Shape("rnn", "wInput", wInput, shape.Hidden, shape.Inputs);
        OperandCheck.Shape("rnn", "wHidden", wHidden, shape.Hidden, shape.Hidden);
        OperandCheck.Shape("rnn", "y", y, samples, shape.Steps, shape.Hidden);
    }
}
