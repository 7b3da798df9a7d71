using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <summary>N sequences of T steps, I inputs, H hidden units.</summary>
public readonly record struct RecurrentShape(int Steps, int Inputs, int Hidden);

/// <summary>
/// a = x_t·wInputᵀ + bInput, b = h_{t-1}·wHiddenᵀ + bHidden;  r = sigmoid(a_r + b_r), z = sigmoid(a_z + b_z), n = tanh(a_n + r·b_n);  h_t = (1 - z)·n + z·h_{t-1}.
/// Gates in PyTorch's order r, z, n; h starts at h0, or at zero. Cho et al. 2014, arXiv:1406.1078.
/// </summary>
/// <remarks>A whole-sequence op as <see cref="ILstm"/>: products are those of <see cref="ILinear"/>; h_t = fma(z, h_{t-1} - n, n).</remarks>
public interface IGru : IOp
{
    /// <param name="x">[N, T, I]; wInput [3H, I], wHidden [3H, H], biases [3H].</param>
    /// <param name="y">[N, T, H], overwritten.</param>
    /// <param name="gates">[N, T, 4H]: r, z, n, b_n, saved, overwritten.</param>
    /// <param name="h0">[N, H], or absent: zeros.</param>
    void Forward(in RecurrentShape shape, int samples, View x, View wInput, View wHidden, View bInput, View bHidden, View y, View gates, View h0 = default);

    /// <param name="dx">[N, T, I], overwritten; weight gradients overwritten with the tree over segments.</param>
    void Backward(in RecurrentShape shape, Segments segments, View x, View wInput, View wHidden, View y, View gates, View dy, View dx, View dwInput, View dwHidden, View dbInput, View dbHidden, View h0 = default);
}

/// <summary>The plain loops: the definition.</summary>
internal sealed class GruReference(CpuDevice device) : GruSequence(device)
{
    private protected override void ForwardStep(in StepCall call) => Forward<Lane1, OneByOne>(call);

    private protected override void BackwardStep(in StepCall call) => Backward<Lane1, OneByOne>(call);
}

/// <summary>Lanes run over hidden units.</summary>
internal sealed class GruCpu(CpuDevice device) : GruSequence(device)
{
    private readonly bool _wide = device.InstructionSet == InstructionSet.Vector512;

    private protected override void ForwardStep(in StepCall call)
    {
        if (_wide) Forward<Lane512, BySixteen<Lane512>>(call);
        else Forward<Lane256, BySixteen<Lane256>>(call);
    }

    private protected override void BackwardStep(in StepCall call)
    {
        if (_wide) Backward<Lane512, BySixteen<Lane512>>(call);
        else Backward<Lane256, BySixteen<Lane256>>(call);
    }
}

/// <summary>The time loop of a GRU around the products of <see cref="ILinear"/>.</summary>
internal abstract unsafe class GruSequence(CpuDevice device) : IGru
{
    private readonly SequenceMemory _memory = new(device);

    public void Forward(in RecurrentShape shape, int samples, View x, View wInput, View wHidden, View bInput, View bHidden, View y, View gates, View h0)
    {
        Expect(shape, samples, x, wInput, wHidden, y, gates);
        var (steps, hidden) = (shape.Steps, shape.Hidden);
        var (state, projected, inputs) = (_memory.Of(0, samples * hidden), _memory.Of(1, samples * 3 * hidden), _memory.Of(2, samples * steps * 3 * hidden));
        var linear = device.Op<ILinear>();
        linear.Forward(samples * steps, shape.Inputs, 3 * hidden, x, wInput, bInput, inputs, Epilogue.None);
        SequenceMemory.Begin(state, h0, samples, hidden);
        for (var t = 0; t < steps; t++)
        {
            linear.Forward(samples, hidden, 3 * hidden, state, wHidden, bHidden, projected, Epilogue.None);
            ForwardStep(new StepCall
            {
                Samples = samples, Hidden = hidden, Stride = (long)steps * hidden, Inputs = inputs.Floats() + (long)t * 3 * hidden, Projected = projected.Floats(),
                Gates = gates.Floats() + (long)t * 4 * hidden, Outputs = y.Floats() + (long)t * hidden, State = state.Floats(),
            });
        }
    }

    public void Backward(in RecurrentShape shape, Segments segments, View x, View wInput, View wHidden, View y, View gates, View dy, View dx, View dwInput, View dwHidden, View dbInput, View dbHidden, View h0)
    {
        ArgumentNullException.ThrowIfNull(segments);
        var (samples, steps, hidden) = (segments.Samples, shape.Steps, shape.Hidden);
        Expect(shape, samples, x, wInput, wHidden, y, gates);
        OperandCheck.Shape("gru", "dy", dy, samples, steps, hidden);
        OperandCheck.Shape("gru", "dx", dx, samples, steps, shape.Inputs);
        var (state, projected, inputs) = (_memory.Of(0, samples * hidden), _memory.Of(1, samples * 3 * hidden), _memory.Of(2, samples * steps * 3 * hidden));
        var (direct, recurrent) = (_memory.Of(3, samples * hidden), _memory.Of(4, samples * steps * 3 * hidden));
        var before = _memory.Shifted(5, y, samples, steps, hidden, h0);
        var linear = device.Op<ILinear>();
        state.AsSpan().Clear();
        direct.AsSpan().Clear();
        for (var t = steps - 1; t >= 0; t--)
        {
            BackwardStep(new StepCall
            {
                Samples = samples, Hidden = hidden, Stride = (long)steps * hidden, Inputs = inputs.Floats() + (long)t * 3 * hidden, Projected = projected.Floats(), Recurrent = recurrent.Floats() + (long)t * 3 * hidden,
                Gates = gates.Floats() + (long)t * 4 * hidden, Outputs = dy.Floats() + (long)t * hidden, Before = before.Floats() + (long)t * hidden, State = state.Floats(), Direct = direct.Floats(),
            });
            if (t > 0) linear.BackwardInput(samples, hidden, 3 * hidden, projected, wHidden, state);
        }
        linear.BackwardInput(samples * steps, shape.Inputs, 3 * hidden, inputs, wInput, dx);
        linear.BackwardWeights(segments, steps, shape.Inputs, 3 * hidden, x, inputs, dwInput, dbInput);
        linear.BackwardWeights(segments, steps, hidden, 3 * hidden, before, recurrent, dwHidden, dbHidden);
    }

    private protected abstract void ForwardStep(in StepCall call);

    private protected abstract void BackwardStep(in StepCall call);

    /// <summary>One step's rows: sample n's are at n times the stride (three and four times it for gates). Outputs is y forward and dy backward; State is h, then its gradient through the product; Direct its gradient past the gates.</summary>
    private protected struct StepCall
    {
        public int Samples, Hidden;
        public long Stride;
        public float* Inputs, Projected, Recurrent, Gates, Outputs, Before, State, Direct;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private protected static void Forward<T, TAccess>(in StepCall c) where T : unmanaged, ILane<T> where TAccess : struct, ILaneAccess<T>
    {
        var h = c.Hidden;
        for (long n = 0; n < c.Samples; n++)
            for (var j = 0; j < h; j += TAccess.Step)
            {
                var count = h - j;
                float* a = c.Inputs + 3 * n * c.Stride + j, b = c.Projected + 3 * n * h + j, gates = c.Gates + 4 * n * c.Stride + j, state = c.State + n * h + j;
                var r = Lane.Sigmoid(TAccess.Load(a, count) + TAccess.Load(b, count));
                var z = Lane.Sigmoid(TAccess.Load(a + h, count) + TAccess.Load(b + h, count));
                var q = TAccess.Load(b + 2 * h, count);
                var candidate = Lane.Tanh(T.Fma(r, q, TAccess.Load(a + 2 * h, count)));
                var next = T.Fma(z, TAccess.Load(state, count) - candidate, candidate);
                TAccess.Store(gates, count, r);
                TAccess.Store(gates + h, count, z);
                TAccess.Store(gates + 2 * h, count, candidate);
                TAccess.Store(gates + 3 * h, count, q);
                TAccess.Store(state, count, next);
                TAccess.Store(c.Outputs + n * c.Stride + j, count, next);
            }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private protected static void Backward<T, TAccess>(in StepCall c) where T : unmanaged, ILane<T> where TAccess : struct, ILaneAccess<T>
    {
        var (h, one) = (c.Hidden, T.Of(1f));
        for (long n = 0; n < c.Samples; n++)
            for (var j = 0; j < h; j += TAccess.Step)
            {
                var count = h - j;
                float* gates = c.Gates + 4 * n * c.Stride + j, direct = c.Direct + n * h + j, a = c.Inputs + 3 * n * c.Stride + j, b = c.Recurrent + 3 * n * c.Stride + j, p = c.Projected + 3 * n * h + j;
                var r = TAccess.Load(gates, count);
                var z = TAccess.Load(gates + h, count);
                var candidate = TAccess.Load(gates + 2 * h, count);
                var dh = TAccess.Load(c.Outputs + n * c.Stride + j, count) + (TAccess.Load(c.State + n * h + j, count) + TAccess.Load(direct, count));
                var dCandidate = dh * (one - z) * T.Fma(-candidate, candidate, one);
                var dz = dh * (TAccess.Load(c.Before + n * c.Stride + j, count) - candidate) * (z * (one - z));
                var dr = dCandidate * TAccess.Load(gates + 3 * h, count) * (r * (one - r));
                TAccess.Store(direct, count, dh * z);
                TAccess.Store(a, count, dr);
                TAccess.Store(a + h, count, dz);
                TAccess.Store(a + 2 * h, count, dCandidate);
                TAccess.Store(b, count, dr);
                TAccess.Store(b + h, count, dz);
                TAccess.Store(b + 2 * h, count, dCandidate * r);
                TAccess.Store(p, count, dr);
                TAccess.Store(p + h, count, dz);
                TAccess.Store(p + 2 * h, count, dCandidate * r);
            }
    }

    private static void Expect(in RecurrentShape shape, int samples, View x, View wInput, View wHidden, View y, View gates)
    {
        var (steps, inputs, hidden) = (shape.Steps, shape.Inputs, shape.Hidden);
        OperandCheck.Positive("gru", "samples", samples);
        OperandCheck.Positive("gru", "steps", steps);
        OperandCheck.Shape("gru", "x", x, samples, steps, inputs);
        OperandCheck.Shape("gru", "wInput", wInput, 3L * hidden, inputs);
        OperandCheck.Shape("gru", "wHidden", wHidden, 3L * hidden, hidden);
        OperandCheck.Shape("gru", "y", y, samples, steps, hidden);
        OperandCheck.Shape("gru", "gates", gates, samples, steps, 4L * hidden);
    }
}
