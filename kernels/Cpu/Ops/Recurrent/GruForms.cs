namespace DistTrain.Kernels;

/// <summary>Which of the gated recurrent unit's forms.</summary>
/// <param name="ResetBefore">The reset gate acts on h before the product: n = tanh(a_n + (r∘h)·W_nᵀ + b_n), as Cho et al. wrote it; otherwise on the product, as cuDNN and PyTorch have it.</param>
/// <param name="Mirrored">h_t = z·n + (1 - z)·h_{t-1}; otherwise (1 - z)·n + z·h_{t-1}.</param>
public readonly record struct GruForm(bool ResetBefore, bool Mirrored);

/// <summary>
/// <see cref="IGru"/> in all its forms: r, z = sigmoid(x_t·W_i + b_i + h_{t-1}·W_h + b_h) of their rows, then the candidate and the update as <see cref="GruForm"/> says; h starts at h0, or at zero.
/// Cho et al. 2014, arXiv:1406.1078 (reset before, h_t = z·h + (1 - z)·n); Chung et al. 2014, arXiv:1412.3555 (mirrored).
/// </summary>
public interface IGruForms : IOp
{
    /// <param name="x">[N, T, I]; wInput [3H, I], wHidden [3H, H], biases [3H]: rows r, z, n.</param>
    /// <param name="y">[N, T, H], overwritten.</param>
    /// <param name="gates">[N, T, 4H]: r, z, n and the candidate's recurrent term, saved, overwritten.</param>
    /// <param name="h0">[N, H], or absent: zeros.</param>
    void Forward(in RecurrentShape shape, GruForm form, int samples, View x, View wInput, View wHidden, View bInput, View bHidden, View y, View gates, View h0 = default);

    /// <param name="dx">[N, T, I], overwritten; weight gradients overwritten with the tree over segments.</param>
    void Backward(in RecurrentShape shape, GruForm form, Segments segments, View x, View wInput, View wHidden, View y, View gates, View dy, View dx, View dwInput, View dwHidden, View dbInput, View dbHidden, View h0 = default);
}

/// <summary>The plain loops: the definition.</summary>
internal sealed class GruFormsReference(CpuDevice device) : GruFormsSequence(device)
{
    private protected override void Run(GruPhase phase, in GruRows rows) => GruRows.Run<Lane1, OneByOne>(phase, rows);
}

/// <summary>Lanes run over hidden units.</summary>
internal sealed class GruFormsCpu(CpuDevice device) : GruFormsSequence(device)
{
    private readonly bool _wide = device.InstructionSet == InstructionSet.Vector512;

    private protected override void Run(GruPhase phase, in GruRows rows)
    {
        if (_wide) GruRows.Run<Lane512, BySixteen<Lane512>>(phase, rows);
        else GruRows.Run<Lane256, BySixteen<Lane256>>(phase, rows);
    }
}

/// <summary>The time loop around two products for each step: one for both gates, one for the candidate.</summary>
internal abstract unsafe class GruFormsSequence(CpuDevice device) : IGruForms
{
    private readonly SequenceMemory _memory = new(device);

    public void Forward(in RecurrentShape shape, GruForm form, int samples, View x, View wInput, View wHidden, View bInput, View bHidden, View y, View gates, View h0)
    {
        Expect(shape, samples, x, wInput, wHidden, y, gates);
        var (steps, hidden, linear) = (shape.Steps, shape.Hidden, device.Op<ILinear>());
        var (state, both, one) = (_memory.Of(0, samples * hidden), _memory.Of(1, samples * 2 * hidden), _memory.Of(2, samples * hidden));
        var (inputs, entering) = (_memory.Of(3, samples * steps * 3 * hidden), _memory.Of(4, samples * hidden));
        var (wGates, wCandidate) = (wHidden.Part(0, 2 * hidden * hidden), wHidden.Part(2 * hidden * hidden, hidden * hidden));
        linear.Forward(samples * steps, shape.Inputs, 3 * hidden, x, wInput, bInput, inputs, Epilogue.None);
        SequenceMemory.Begin(state, h0, samples, hidden);
        for (var t = 0; t < steps; t++)
        {
            var rows = new GruRows
            {
                Form = form, Samples = samples, Hidden = hidden, Steps = steps, Inputs = inputs.Floats() + (long)t * 3 * hidden, Gates = gates.Floats() + (long)t * 4 * hidden,
                Outputs = y.Floats() + (long)t * hidden, State = state.Floats(), Both = both.Floats(), One = one.Floats(), Entering = entering.Floats(),
            };
            linear.Forward(samples, hidden, 2 * hidden, state, wGates, bHidden.Part(0, 2 * hidden), both, Epilogue.None);
            Run(GruPhase.Gates, rows);
            linear.Forward(samples, hidden, hidden, form.ResetBefore ? entering : state, wCandidate, bHidden.Part(2 * hidden, hidden), one, Epilogue.None);
            Run(GruPhase.Update, rows);
        }
    }

    public void Backward(in RecurrentShape shape, GruForm form, Segments segments, View x, View wInput, View wHidden, View y, View gates, View dy, View dx, View dwInput, View dwHidden, View dbInput, View dbHidden, View h0)
    {
        ArgumentNullException.ThrowIfNull(segments);
        var (samples, steps, hidden, linear) = (segments.Samples, shape.Steps, shape.Hidden, device.Op<ILinear>());
        Expect(shape, samples, x, wInput, wHidden, y, gates);
        OperandCheck.Shape("gruForms", "dy", dy, samples, steps, hidden);
        OperandCheck.Shape("gruForms", "dx", dx, samples, steps, shape.Inputs);
        var (state, both, one) = (_memory.Of(0, samples * hidden), _memory.Of(1, samples * 2 * hidden), _memory.Of(2, samples * hidden));
        var (inputs, entering, direct) = (_memory.Of(3, samples * steps * 3 * hidden), _memory.Of(4, samples * hidden), _memory.Of(5, samples * hidden));
        var (ofGates, ofCandidate, products) = (_memory.Of(6, samples * steps * 2 * hidden), _memory.Of(7, samples * steps * hidden), _memory.Of(8, samples * steps * hidden));
        var before = _memory.Shifted(9, y, samples, steps, hidden, h0);
        var (wGates, wCandidate) = (wHidden.Part(0, 2 * hidden * hidden), wHidden.Part(2 * hidden * hidden, hidden * hidden));
        state.AsSpan().Clear();
        direct.AsSpan().Clear();
        for (var t = steps - 1; t >= 0; t--)
        {
            var rows = new GruRows
            {
                Form = form, Samples = samples, Hidden = hidden, Steps = steps, Inputs = inputs.Floats() + (long)t * 3 * hidden, Gates = gates.Floats() + (long)t * 4 * hidden,
                Outputs = dy.Floats() + (long)t * hidden, Before = before.Floats() + (long)t * hidden, State = state.Floats(), Direct = direct.Floats(), Both = both.Floats(), One = one.Floats(), Entering = entering.Floats(),
                OfGates = ofGates.Floats() + (long)t * 2 * hidden, OfCandidate = ofCandidate.Floats() + (long)t * hidden, Products = products.Floats() + (long)t * hidden,
            };
            Run(GruPhase.UpdateBack, rows);
            linear.BackwardInput(samples, hidden, hidden, one, wCandidate, entering);
            Run(GruPhase.GatesBack, rows);
            if (t > 0) linear.BackwardInput(samples, hidden, 2 * hidden, both, wGates, state);
        }
        linear.BackwardInput(samples * steps, shape.Inputs, 3 * hidden, inputs, wInput, dx);
        linear.BackwardWeights(segments, steps, shape.Inputs, 3 * hidden, x, inputs, dwInput, dbInput);
        linear.BackwardWeights(segments, steps, hidden, 2 * hidden, before, ofGates, dwHidden.Part(0, 2 * hidden * hidden), dbHidden.Part(0, 2 * hidden));
        linear.BackwardWeights(segments, steps, hidden, hidden, form.ResetBefore ? products : before, ofCandidate, dwHidden.Part(2 * hidden * hidden, hidden * hidden), dbHidden.Part(2 * hidden, hidden));
    }

    private protected abstract void Run(GruPhase phase, in GruRows rows);

    private static void Expect(in RecurrentShape shape, int samples, View x, View wInput, View wHidden, View y, View gates)
    {
        var (steps, inputs, hidden) = (shape.Steps, shape.Inputs, shape.Hidden);
        OperandCheck.Positive("gruForms", "samples", samples);
        OperandCheck.Positive("gruForms", "steps", steps);
        OperandCheck.Shape("gruForms", "x", x, samples, steps, inputs);
        OperandCheck.Shape("gruForms", "wInput", wInput, 3L * hidden, inputs);
        OperandCheck.Shape("gruForms", "wHidden", wHidden, 3L * hidden, hidden);
        OperandCheck.Shape("gruForms", "y", y, samples, steps, hidden);
        OperandCheck.Shape("gruForms", "gates", gates, samples, steps, 4L * hidden);
    }
}
