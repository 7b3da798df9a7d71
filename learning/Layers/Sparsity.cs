using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>y = x, and each element of x counts l1·|x| in what training lowers: dx = dy + l1·sign(x) / n. Most elements of the code become 0.  Olshausen, Field 1996, doi:10.1038/381607a0. The reported loss is without this term. A factor of the main loss (rmse, class weights) does not reach it.</summary>
[Named("sparsity")]
public sealed class Sparsity(Sparsity.Options options) : Layer
{
    /// <param name="L1">What |x| counts for each element, mean over samples; 0: nothing.</param>
    public sealed record Options([property: Range(0.0, 1e6)] float L1 = 0f);

    public override Shape Build(LayerBuilder build, Shape input)
    {
        if (options.L1 > 0) build.Penalizes();
        return input;
    }

    public override string ToOnnx(OnnxGraph graph, string x, Shape input) => x;

    public override Tensor Forward(Tape tape, Tensor x) => tape.IsTraining && options.L1 > 0 ? tape.Add(new Counted(tape, x, options.L1)) : x;

    private sealed class Counted : Node
    {
        private readonly IVector _vector;
        private readonly IElementwise<Kernels.Functions.Absolute> _absolute;
        private readonly Saved _signs;
        private readonly float _l1;

        public Counted(Tape tape, Tensor x, float l1) : base(tape, [x], x.Shape)
        {
            (_vector, _absolute, _l1) = (tape.Device.Op<IVector>(), tape.Device.Op<IElementwise<Kernels.Functions.Absolute>>(), l1);
            _signs = Scratch(x.Shape.Length);
        }

        public override void Forward(Frame frame) => _vector.Copy(frame.Input(), frame.Output);

        public override void Backward(Frame frame)
        {
            if (frame.InputGradient() is not { IsNone: false } dx) return;
            if (dx != frame.OutputGradient) _vector.Copy(frame.OutputGradient, dx);
            if (!frame.CountsSides) return;
            var signs = frame.Memory(_signs);
            _vector.Fill(signs, _l1 * frame.LossScale(1));
            _absolute.Backward(default, frame.Input(), frame.Input(), signs, signs);
            _vector.Add(signs, dx);
        }
    }
}
