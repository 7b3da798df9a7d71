namespace DistTrain.Kernels;

/// <summary>h_t = f(x_t·wInputᵀ + bInput + h_{t-1}·wHiddenᵀ + bHidden), f = tanh or ReLU; h starts at h0, or at zero. Elman 1990, doi:10.1207/s15516709cog1402_1.</summary>
/// <remarks>A whole-sequence op as <see cref="ILstm"/>: products are those of <see cref="ILinear"/>.</remarks>
public interface IRnn : IOp
{
    /// <param name="x">[N, T, I]; wInput [H, I], wHidden [H, H], biases [H].</param>
    /// <param name="rectified">f = ReLU, else tanh.</param>
    /// <param name="y">[N, T, H], overwritten.</param>
    /// <param name="h0">[N, H], or absent: zeros.</param>
    void Forward(in RecurrentShape shape, bool rectified, int samples, View x, View wInput, View wHidden, View bInput, View bHidden, View y, View h0 = default);

    /// <param name="dx">[N, T, I], overwritten; weight gradients overwritten with the tree over segments.</param>
    void Backward(in RecurrentShape shape, bool rectified, Segments segments, View x, View wInput, View wHidden, View y, View dy, View dx, View dwInput, View dwHidden, View dbInput, View dbHidden, View h0 = default);
}

/// <summary>The plain loops: the definition.</summary>
internal sealed unsafe class RnnReference(CpuDevice device) : RnnSequence(device)
{
    private protected override void ForwardStep(float* a, float* b, float* state, int hidden, bool rectified) => Forward<Lane1, OneByOne>(a, b, state, hidden, rectified);

    private protected override void BackwardStep(float* y, float* dy, float* state, float* to, int hidden, bool rectified) => Backward<Lane1, OneByOne>(y, dy, state, to, hidden, rectified);
}

/// <summary>Lanes run over hidden units.</summary>
internal sealed unsafe class RnnCpu(CpuDevice device) : RnnSequence(device)
{
    private readonly bool _wide = device.InstructionSet == InstructionSet.Vector512;

    private protected override void ForwardStep(float* a, float* b, float* state, int hidden, bool rectified)
    {
        if (_wide) Forward<Lane512, BySixteen<Lane512>>(a, b, state, hidden, rectified);
        else Forward<Lane256, BySixteen<Lane256>>(a, b, state, hidden, rectified);
    }

    private protected override void BackwardStep(float* y, float* dy, float* state, float* to, int hidden, bool rectified)
    {
        if (_wide) Backward<Lane512, BySixteen<Lane512>>(y, dy, state, to, hidden, rectified);
        else Backward<Lane256, BySixteen<Lane256>>(y, dy, state, to, hidden, rectified);
    }
}
