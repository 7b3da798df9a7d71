using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>
/// Long short-term memory over a whole sequence.  x [T, I]  y [T, H]: i, f, o = sigmoid, g = tanh of (W_ih·x_t + b_ih + W_hh·h_{t-1} + b_hh);
/// c_t = f·c_{t-1} + i·g;  h_t = o·tanh c_t;  h, c start at zero, or where the sample of the step before ended (adjacent sampling).  Gates in PyTorch's order i, f, g, o.  Hochreiter, Schmidhuber 1997.
/// </summary>
[Named("lstm")]
public sealed class Lstm(Lstm.Options options) : Recurrent(4, options.Hidden, options.Layers, options.Bidirectional, options.Bias)
{
    /// <param name="Hidden">Units, H.</param>
    /// <param name="Layers">Stacked layers; each reads the one below.</param>
    public sealed record Options([property: Range(1, 1 << 16)] int Hidden, [property: Range(1, 64)] int Layers = 1)
    {
        /// <summary>A second direction from the last step to the first: y [T, 2H].  Schuster, Paliwal 1997.</summary>
        public bool Bidirectional { get; init; }

        /// <summary>Adds both biases.</summary>
        public bool Bias { get; init; } = true;
    }

    protected override int States => 2;

    protected override string OnnxName => "LSTM";

    // i, o, f, g of i, f, g, o.
    protected override IReadOnlyList<int> OnnxGates => [0, 3, 1, 2];

    protected override Node Sequence(Tape tape, Cell cell, Tensor x) => new Steps(tape, cell, x);

    private sealed class Steps : Node
    {
        private readonly ILstm _lstm;
        private readonly Cell _cell;
        private readonly LstmShape _shape;
        private readonly Saved _gates;
        private readonly Saved _cells;
        private readonly Saved _dGates;
        private readonly Saved? _unwanted;
        private readonly Biases _biases;
        private readonly CarriedState? _carried;

        public Steps(Tape tape, Cell cell, Tensor x)
            : base(tape, [x], new Shape(x.Shape[0], cell.WeightHidden.Shape[1]), cell.WeightInput, cell.WeightHidden, cell.BiasInput, cell.BiasHidden, cell.Carried)
        {
            (_lstm, _cell, _shape) = (tape.Device.Op<ILstm>(), cell, new LstmShape(x.Shape[0], x.Shape[1], cell.WeightHidden.Shape[1]));
            (_gates, _cells) = (Save(_shape.Steps * 4 * _shape.Hidden), Save(_shape.Steps * _shape.Hidden));
            _dGates = Scratch(_shape.Steps * 4 * _shape.Hidden);
            if (!x.NeedsGradient) _unwanted = Scratch(x.Shape.Length); // the op always writes dx
            _biases = new Biases(cell, ScratchOnce);
            _carried = CarriedState.Of(tape, cell.Carried, Save);
        }

        public override NodeField? FieldOf(int input) => null;

        public override bool ReadsOutput => true;

        public override long MultiplyAdds => (long)_shape.Steps * (_cell.WeightInput.Shape.Length + _cell.WeightHidden.Shape.Length);

        private View Start(Frame frame, int state) => _carried?.Start(frame, state) ?? View.None;

        public override void Forward(Frame frame)
        {
            _carried?.Read(frame);
            var (bInput, bHidden) = _biases.Values(frame);
            _lstm.Forward(_shape, frame.Samples, frame.Input(), frame.Weights(_cell.WeightInput), frame.Weights(_cell.WeightHidden),
            bInput, bHidden, Start(frame, 0), Start(frame, 1), frame.Output, frame.Memory(_gates), frame.Memory(_cells));
        }

        public override void Backward(Frame frame)
        {
            _carried?.Write(frame, frame.Output, frame.Memory(_cells));
            var (dbInput, dbHidden) = _biases.Gradients(frame);
            _lstm.Backward(_shape, frame.Segments, frame.Input(), frame.Weights(_cell.WeightInput), frame.Weights(_cell.WeightHidden),
                Start(frame, 0), Start(frame, 1), frame.Output, frame.Memory(_gates), frame.Memory(_cells), frame.OutputGradient, frame.Memory(_dGates),
            _unwanted is { } scratch ? frame.Memory(scratch) : frame.InputGradient(),
            frame.Gradient(_cell.WeightInput), frame.Gradient(_cell.WeightHidden), dbInput, dbHidden);
        }
    }
}
