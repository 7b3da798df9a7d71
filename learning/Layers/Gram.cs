using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>[C, ...] -> [C, C]: G = X·Xᵀ of a sample's channels, X [C, positions]; which features appear together, and so the style of an image.  dX = (dG + dGᵀ)·X.  Gatys, Ecker, Bethge 2016, doi:10.1109/CVPR.2016.265.</summary>
[Named("gram")]
public sealed class Gram(Gram.Options options) : Layer
{
    /// <param name="Normalized">Divides by C·positions, so that images of all sizes compare.</param>
    public sealed record Options(bool Normalized = false);

    private string _path = "";

    public override Shape Build(LayerBuilder build, Shape input)
    {
        _path = build.Path;
        return input.Rank >= 2 ? new Shape(input[0], input[0]) : throw build.Misfit(input, "[channels, positions] or [channels, height, width]");
    }

    public override Tensor Forward(Tape tape, Tensor x) => tape.Add(new Products(tape, x, _path, options.Normalized ? 1f / x.Shape.Length : 1f));

    private sealed class Products(Tape tape, Tensor x, string path, float scale) : Node(tape, [x], new Shape(x.Shape[0], x.Shape[0]))
    {
        private readonly IMatMul _product = tape.Device.Op<IMatMul>();
        private readonly IVector _vector = tape.Device.Op<IVector>();
        private readonly int _channels = x.Shape[0];
        private readonly int _positions = x.Shape.Length / x.Shape[0];

        public override NodeField FieldOf(int input) => NodeField.Whole;

        public override long MultiplyAdds => (long)x.Shape.Length * _channels;

        public override string Place => path;

        public override void Forward(Frame frame)
        {
            for (var sample = 0; sample < frame.Samples; sample++)
            {
                var (of, to) = (Part(frame.Input(), sample, x.Shape.Length), Part(frame.Output, sample, Output.Shape.Length));
                _product.Multiply(new MatMulShape(_channels, _channels, _positions, TransposeB: true), of, of, to);
                if (scale != 1f) Scale(to);
            }
        }

        public override void Backward(Frame frame)
        {
            if (frame.InputGradient() is not { IsNone: false } dx) return;
            for (var sample = 0; sample < frame.Samples; sample++)
            {
                var (of, from, to) = (Part(frame.Input(), sample, x.Shape.Length), Part(frame.OutputGradient, sample, Output.Shape.Length), Part(dx, sample, x.Shape.Length));
                if (scale != 1f) Scale(from); // it may be overwritten
                _product.Multiply(new MatMulShape(_channels, _positions, _channels), from, of, to);
                _product.Multiply(new MatMulShape(_channels, _positions, _channels, TransposeA: true), from, of, to, accumulate: true);
            }
        }

        // v <- v + (scale - 1)·v
        private void Scale(View v) => _vector.AddScaled(scale - 1f, v, v);

        private static View Part(View view, int sample, int length) => view.Part(sample * length, length);
    }
}
