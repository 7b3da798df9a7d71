using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>y = (x - mean) / √(var + epsilon)·weight + bias over the last axis of [..., D]; mean and biased variance of each row.  Ba, Kiros, Hinton 2016, arXiv:1607.06450.</summary>
[Named("layerNorm")]
public sealed class LayerNorm(LayerNorm.Options options) : Layer
{
    /// <param name="Epsilon">Added to the variance.</param>
    public sealed record Options([property: Range(0.0, 1.0, MinimumIsExclusive = true)] float Epsilon = 1e-5f);

    private Parameter _weight = null!;
    private Parameter _bias = null!;

    public override Shape Build(LayerBuilder build, Shape input)
    {
        if (input.Rank < 1) throw build.Misfit(input, "[..., width]");
        _weight = build.Parameter("weight", new Shape(input[-1]), new Constant(new(1f)));
        _bias = build.Parameter("bias", new Shape(input[-1]), new Constant(new(0f)));
        return input;
    }

    public override string ToOnnx(OnnxGraph graph, string x, Shape input) =>
        graph.Add("Add", [graph.Add("Mul", [graph.Normalized(x, options.Epsilon), graph.Weights(_weight)]), graph.Weights(_bias)]);

    public override Tensor Forward(Tape tape, Tensor x) => tape.Add(new Rows(tape, x, x.Shape[-1], options.Epsilon, _weight, _bias));

    /// <summary>Rows of so many consecutive elements; without weight and bias they are normalized only.</summary>
    internal sealed class Rows : Node
    {
        private readonly ILayerNorm _norm;
        private readonly Parameter? _weight;
        private readonly Parameter? _bias;
        private readonly Saved _mean;
        private readonly Saved _inverseStd;
        private readonly int _rowsPerSample;
        private readonly int _width;
        private readonly float _epsilon;

        public Rows(Tape tape, Tensor x, int width, float epsilon, Parameter? weight, Parameter? bias) : base(tape, [x], x.Shape, weight, bias)
        {
            (_norm, _weight, _bias, _epsilon) = (tape.Device.Op<ILayerNorm>(), weight, bias, epsilon);
            (_width, _rowsPerSample) = (width, x.Shape.Length / width);
            (_mean, _inverseStd) = (Save(_rowsPerSample), Save(_rowsPerSample));
        }

        public override void Forward(Frame frame) => _norm.Forward(frame.Samples * _rowsPerSample, _width, _epsilon, frame.Input(), frame.Weights(_weight), frame.Weights(_bias),
            frame.Output, frame.Memory(_mean), frame.Memory(_inverseStd));

        public override void Backward(Frame frame)
        {
            if (_weight is not null)
                _norm.BackwardWeights(frame.Segments, _rowsPerSample, _width, frame.Input(), frame.Memory(_mean), frame.Memory(_inverseStd), frame.OutputGradient, frame.Gradient(_weight), frame.Gradient(_bias));
            if (frame.InputGradient() is { IsNone: false } dx)
                _norm.BackwardInput(frame.Samples * _rowsPerSample, _width, frame.Input(), frame.Weights(_weight), frame.Memory(_mean), frame.Memory(_inverseStd), frame.OutputGradient, dx);
        }
    }
}
