using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>What a simple recurrent net applies to its sum.</summary>
public enum RecurrentActivation
{
    /// <summary>tanh.</summary>
    Tanh,

    /// <summary>max(x, 0); with identity weights the IRNN of Le, Jaitly, Hinton 2015, arXiv:1504.00941.</summary>
    Relu,
}

/// <summary>h_t = f(W_ih·x_t + b_ih + W_hh·h_{t-1} + b_hh) over a whole sequence, f = tanh or ReLU; h starts at zero, or where the sample of the step before ended (adjacent sampling).  x [T, I]  y [T, H].  Elman 1990, doi:10.1207/s15516709cog1402_1.</summary>
[Named("rnn")]
public sealed class Rnn(Rnn.Options options) : Recurrent(1, options.Hidden, options.Layers, options.Bidirectional, options.Bias, options.HiddenInit)
{
    /// <param name="Hidden">Units, H.</param>
    /// <param name="Layers">Stacked layers; each reads the one below.</param>
    public sealed record Options([property: Range(1, 1 << 16)] int Hidden, [property: Range(1, 64)] int Layers = 1)
    {
        /// <summary>A second direction from the last step to the first: y [T, 2H].</summary>
        public bool Bidirectional { get; init; }

        /// <summary>Adds both biases.</summary>
        public bool Bias { get; init; } = true;

        /// <summary>f: tanh or relu.</summary>
        public RecurrentActivation Activation { get; init; }

        /// <summary>First W_hh: identity with relu is the IRNN; not given: uniform to 1/√H, as PyTorch draws it.</summary>
        public Initializer? HiddenInit { get; init; }
    }

    internal bool Rectified => options.Activation == RecurrentActivation.Relu;

    protected override string OnnxName => "RNN";

    protected override (string Name, object Value)[] OnnxAttributes => [("activations", Enumerable.Repeat(options.Activation == RecurrentActivation.Relu ? "Relu" : "Tanh", options.Bidirectional ? 2 : 1).ToArray())];

    protected override Node Sequence(Tape tape, Cell cell, Tensor x) => new Steps(tape, cell, x, options.Activation == RecurrentActivation.Relu);

    private sealed class Steps : Node
    {
        private readonly IRnn _rnn;
        private readonly Cell _cell;
        private readonly RecurrentShape _shape;
        private readonly bool _rectified;
        private readonly Saved? _unwanted;
        private readonly Biases _biases;
        private readonly CarriedState? _carried;

        public Steps(Tape tape, Cell cell, Tensor x, bool rectified)
            : base(tape, [x], new Shape(x.Shape[0], cell.WeightHidden.Shape[1]), cell.WeightInput, cell.WeightHidden, cell.BiasInput, cell.BiasHidden, cell.Carried)
        {
            (_rnn, _cell, _rectified, _shape) = (tape.Device.Op<IRnn>(), cell, rectified, new RecurrentShape(x.Shape[0], x.Shape[1], cell.WeightHidden.Shape[1]));
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
            var (bInput, bHidden) = _biases.Values(frame);
            _rnn.Forward(_shape, _rectified, frame.Samples, frame.Input(), frame.Weights(_cell.WeightInput), frame.Weights(_cell.WeightHidden),
            bInput, bHidden, frame.Output, Start(frame));
        }

        public override void Backward(Frame frame)
        {
            _carried?.Write(frame, frame.Output);
            var (dbInput, dbHidden) = _biases.Gradients(frame);
            _rnn.Backward(_shape, _rectified, frame.Segments, frame.Input(), frame.Weights(_cell.WeightInput), frame.Weights(_cell.WeightHidden),
            frame.Output, frame.OutputGradient, _unwanted is { } scratch ? frame.Memory(scratch) : frame.InputGradient(),
            frame.Gradient(_cell.WeightInput), frame.Gradient(_cell.WeightHidden), dbInput, dbHidden, Start(frame));
        }
    }
}
