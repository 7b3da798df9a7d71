using DistTrain.Kernels;
using DistTrain.Learning;

namespace DistTrain.Tests.Learning.Checks;

/// <summary>y = head(f(f(x)) + f(x)): f's weights are used twice and f(x) is read twice.</summary>
internal sealed class Twice : Layer
{
    private readonly Linear _f = new(new(12));
    private readonly BatchNorm _norm = new(new());
    private readonly Linear _head = new(new(5));

    public override Shape Build(LayerBuilder build, Shape input)
    {
        build.Child("norm", _norm, build.Child("f", _f, input));
        return build.Child("head", _head, input);
    }

    public override Tensor Forward(Tape tape, Tensor x)
    {
        var once = _norm.Forward(tape, _f.Forward(tape, x));
        var twice = _norm.Forward(tape, _f.Forward(tape, once));
        return _head.Forward(tape, tape.Add(new Sum(tape, once, twice)));
    }
}

internal sealed class Sum(Tape tape, Tensor a, Tensor b) : Node(tape, [a, b], a.Shape)
{
    private readonly IVector _vector = tape.Device.Op<IVector>();

    public override bool ReadsInputs => false;

    public override void Forward(Frame frame)
    {
        _vector.Copy(frame.Input(0), frame.Output);
        _vector.Add(frame.Input(1), frame.Output);
    }

    public override void Backward(Frame frame)
    {
        _vector.Copy(frame.OutputGradient, frame.InputGradient(0));
        _vector.Copy(frame.OutputGradient, frame.InputGradient(1));
    }
}

/// <summary>y = x, but dx = 1.05·dy.</summary>
internal sealed class WrongScale : Layer
{
    public override Shape Build(LayerBuilder build, Shape input) => input;

    public override Tensor Forward(Tape tape, Tensor x) => tape.Add(new Wrong(tape, x));

    private sealed class Wrong(Tape tape, Tensor x) : Node(tape, [x], x.Shape)
    {
        private readonly IVector _vector = tape.Device.Op<IVector>();

        public override void Forward(Frame frame) => _vector.Copy(frame.Input(), frame.Output);

        public override void Backward(Frame frame)
        {
            _vector.Copy(frame.OutputGradient, frame.InputGradient());
            _vector.AddScaled(0.05f, frame.OutputGradient, frame.InputGradient());
        }
    }
}

/// <summary>A dense layer whose weight gradient is one chain over all samples.</summary>
internal sealed class Blind : Layer
{
    private Parameter _weight = null!;

    public override Shape Build(LayerBuilder build, Shape input)
    {
        _weight = build.Parameter("weight", new Shape(4, input[0]), new FanInUniform());
        return new Shape(4);
    }

    public override Tensor Forward(Tape tape, Tensor x) => tape.Add(new Product(tape, _weight, x));

    private sealed class Product(Tape tape, Parameter weight, Tensor x) : Node(tape, [x], new Shape(4), weight)
    {
        private readonly ILinear _linear = tape.Device.Op<ILinear>();

        public override void Forward(Frame frame) => _linear.Forward(frame.Samples, 6, 4, frame.Input(), frame.Weights(weight), View.None, frame.Output, Epilogue.None);

        public override void Backward(Frame frame)
        {
            _linear.BackwardInput(frame.Samples, 6, 4, frame.OutputGradient, frame.Weights(weight), frame.InputGradient());
            _linear.BackwardWeights(Segments.One(frame.Samples), 1, 6, 4, frame.Input(), frame.OutputGradient, frame.Gradient(weight), View.None);
        }
    }
}
