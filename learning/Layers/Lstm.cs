using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>
/// Long short-term memory over a whole sequence.  x [T, I]  y [T, H]: i, f, o = sigmoid, g = tanh of (W_ih·x_t + b_ih + W_hh·h_{t-1} + b_hh);
/// c_t = f·c_{t-1} + i·g;  h_t = o·tanh c_t;  h, c start at zero.  Gates in PyTorch's order i, f, g, o.  Hochreiter, Schmidhuber 1997.
/// </summary>
[Named("lstm")]
public sealed class Lstm(Lstm.Options options) : Layer
{
    /// <param name="Hidden">Units, H.</param>
    /// <param name="Layers">Stacked layers; each reads the one below.</param>
    public sealed record Options([property: Range(1, 1 << 16)] int Hidden, [property: Range(1, 64)] int Layers = 1);

    private readonly List<Cell> _cells = [];

    public override Shape Build(LayerBuilder build, Shape input)
    {
        if (input.Rank != 2) throw build.Misfit(input, "[steps, inputs]");
        var (hidden, inputs) = (options.Hidden, input[1]);
        // PyTorch draws all four from U[-1/√H, 1/√H).
        var (initializer, fan) = (new FanInUniform(), new Fan(hidden, hidden));
        for (var layer = 0; layer < options.Layers; layer++, inputs = hidden)
            _cells.Add(new Cell(
                build.Parameter($"weight_ih_l{layer}", new Shape(4 * hidden, inputs), initializer, fan),
                build.Parameter($"weight_hh_l{layer}", new Shape(4 * hidden, hidden), initializer, fan),
                build.Parameter($"bias_ih_l{layer}", new Shape(4 * hidden), initializer, fan),
                build.Parameter($"bias_hh_l{layer}", new Shape(4 * hidden), initializer, fan)));
        return new Shape(input[0], hidden);
    }

    public override long MultiplyAdds(Shape input, Shape output) => _cells.Sum(c => (long)input[0] * (c.WeightInput.Shape.Length + c.WeightHidden.Shape.Length));

    public override Tensor Forward(Tape tape, Tensor x)
    {
        foreach (var cell in _cells) x = tape.Add(new Sequence(tape, cell, x));
        return x;
    }

    private sealed record Cell(Parameter WeightInput, Parameter WeightHidden, Parameter BiasInput, Parameter BiasHidden);

    private sealed class Sequence : Node
    {
        private readonly ILstm _lstm;
        private readonly Cell _cell;
        private readonly LstmShape _shape;
        private readonly Saved _gates;
        private readonly Saved _cells;
        private readonly Saved _dGates;
        private readonly Saved? _unwanted;

        public Sequence(Tape tape, Cell cell, Tensor x)
            : base(tape, [x], new Shape(x.Shape[0], cell.WeightHidden.Shape[1]), cell.WeightInput, cell.WeightHidden, cell.BiasInput, cell.BiasHidden)
        {
            (_lstm, _cell, _shape) = (tape.Device.Op<ILstm>(), cell, new LstmShape(x.Shape[0], x.Shape[1], cell.WeightHidden.Shape[1]));
            (_gates, _cells) = (Save(_shape.Steps * 4 * _shape.Hidden), Save(_shape.Steps * _shape.Hidden));
            _dGates = Scratch(_shape.Steps * 4 * _shape.Hidden);
            if (!x.NeedsGradient) _unwanted = Scratch(x.Shape.Length); // the op always writes dx
        }

        public override bool ReadsOutput => true;

        public override void Forward(Frame frame) => _lstm.Forward(_shape, frame.Samples, frame.Input(), frame.Weights(_cell.WeightInput), frame.Weights(_cell.WeightHidden),
            frame.Weights(_cell.BiasInput), frame.Weights(_cell.BiasHidden), View.None, View.None, frame.Output, frame.Memory(_gates), frame.Memory(_cells));

        public override void Backward(Frame frame) => _lstm.Backward(_shape, frame.Segments, frame.Input(), frame.Weights(_cell.WeightInput), frame.Weights(_cell.WeightHidden),
            View.None, View.None, frame.Output, frame.Memory(_gates), frame.Memory(_cells), frame.OutputGradient, frame.Memory(_dGates),
            _unwanted is { } scratch ? frame.Memory(scratch) : frame.InputGradient(),
            frame.Gradient(_cell.WeightInput), frame.Gradient(_cell.WeightHidden), frame.Gradient(_cell.BiasInput), frame.Gradient(_cell.BiasHidden));
    }
}
