using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>
/// Gated recurrent units over a whole sequence.  x [T, I]  y [T, H]: r, z = sigmoid of (W_i·x_t + b_i + W_h·h_{t-1} + b_h);  n = tanh(W_in·x_t + b_in + r·(W_hn·h_{t-1} + b_hn));
/// h_t = (1 - z)·n + z·h_{t-1};  h starts at zero, or where the sample of the step before ended (adjacent sampling). Gates in PyTorch's order r, z, n.  Cho et al. 2014, arXiv:1406.1078.
/// resetBefore: n = tanh(W_in·x_t + b_in + W_hn·(r∘h_{t-1}) + b_hn);  mirrored: h_t = z·n + (1 - z)·h_{t-1}.
/// </summary>
[Named("gru")]
public sealed class Gru(Gru.Options options) : Recurrent(3, options.Hidden, options.Layers, options.Bidirectional, options.Bias)
{
    /// <param name="Hidden">Units, H.</param>
    /// <param name="Layers">Stacked layers; each reads the one below.</param>
    public sealed record Options([property: Range(1, 1 << 16)] int Hidden, [property: Range(1, 64)] int Layers = 1)
    {
        /// <summary>A second direction from the last step to the first: y [T, 2H].</summary>
        public bool Bidirectional { get; init; }

        /// <summary>Adds both biases.</summary>
        public bool Bias { get; init; } = true;

        /// <summary>The reset gate acts on the state before its product, as Cho et al. wrote it; weights do not move to PyTorch then.</summary>
        public bool ResetBefore { get; init; }

        /// <summary>The other way to name the update gate: z is the share of the new candidate, not of the old state.</summary>
        public bool Mirrored { get; init; }
    }

    protected override string? OnnxName => options.Mirrored ? null : "GRU";

    // z, r, n of r, z, n.
    protected override IReadOnlyList<int> OnnxGates => [1, 0, 2];

    protected override (string Name, object Value)[] OnnxAttributes => [("linear_before_reset", options.ResetBefore ? 0L : 1L)];

    protected override Node Sequence(Tape tape, Cell cell, Tensor x) => new Steps(tape, cell, x, new GruForm(options.ResetBefore, options.Mirrored));

    private sealed class Steps : Node
    {
        private readonly IGru? _gru;
        private readonly IGruForms? _forms;
        private readonly GruForm _form;
        private readonly Cell _cell;
        private readonly RecurrentShape _shape;
        private readonly Saved _gates;
        private readonly Saved? _unwanted;
        private readonly Biases _biases;
        private readonly CarriedState? _carried;

        public Steps(Tape tape, Cell cell, Tensor x, GruForm form)
            : base(tape, [x], new Shape(x.Shape[0], cell.WeightHidden.Shape[1]), cell.WeightInput, cell.WeightHidden, cell.BiasInput, cell.BiasHidden, cell.Carried)
        {
            (_cell, _form, _shape) = (cell, form, new RecurrentShape(x.Shape[0], x.Shape[1], cell.WeightHidden.Shape[1]));
            if (form == default) _gru = tape.Device.Op<IGru>();
            else _forms = tape.Device.Op<IGruForms>();
            _gates = Save(_shape.Steps * 4 * _shape.Hidden);
            if (!x.NeedsGradient) _unwanted = Scratch(x.Shape.Length); // the op always writes dx
            _biases = new Biases(cell, ScratchOnce);
            _carried = CarriedState.Of(tape, cell.Carried, Save);
        }

        public override NodeField? FieldOf(int input) => null;

        public override bool ReadsOutput => true;

        public override long MultiplyAdds => (long)_shape.Steps * (_cell.WeightInput.Shape.Length + _cell.WeightHidden.Shape.Length);

        private View Start(Frame frame) => _carried?.Start(frame, 0) ?? View.None;

        public override void Forward(Frame frame)
        {
            _carried?.Read(frame);
            var (x, wInput, wHidden) = (frame.Input(), frame.Weights(_cell.WeightInput), frame.Weights(_cell.WeightHidden));
            var (bInput, bHidden) = _biases.Values(frame);
            if (_gru is not null) _gru.Forward(_shape, frame.Samples, x, wInput, wHidden, bInput, bHidden, frame.Output, frame.Memory(_gates), Start(frame));
            else _forms!.Forward(_shape, _form, frame.Samples, x, wInput, wHidden, bInput, bHidden, frame.Output, frame.Memory(_gates), Start(frame));
        }

        public override void Backward(Frame frame)
        {
            _carried?.Write(frame, frame.Output);
            var (x, wInput, wHidden, dx) = (frame.Input(), frame.Weights(_cell.WeightInput), frame.Weights(_cell.WeightHidden), _unwanted is { } scratch ? frame.Memory(scratch) : frame.InputGradient());
            var (dwInput, dwHidden) = (frame.Gradient(_cell.WeightInput), frame.Gradient(_cell.WeightHidden));
            var (dbInput, dbHidden) = _biases.Gradients(frame);
            if (_gru is not null) _gru.Backward(_shape, frame.Segments, x, wInput, wHidden, frame.Output, frame.Memory(_gates), frame.OutputGradient, dx, dwInput, dwHidden, dbInput, dbHidden, Start(frame));
            else _forms!.Backward(_shape, _form, frame.Segments, x, wInput, wHidden, frame.Output, frame.Memory(_gates), frame.OutputGradient, dx, dwInput, dwHidden, dbInput, dbHidden, Start(frame));
        }
    }
}
