using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>y = S·x for each sample, S fixed and sparse: shuffles, reversals, upsampling.  dx = Sᵀ·dy.</summary>
internal sealed class Rearranged(Tape tape, Tensor x, SparseMatrix matrix, Shape output) : Node(tape, [x], output)
{
    private readonly ISparseProduct _product = tape.Device.Op<ISparseProduct>();

    public override bool ReadsInputs => false;

    /// <summary>Output element i is input element sources(i).</summary>
    public static Tensor Selection(Tape tape, Tensor x, Shape output, Func<int, int> sources) =>
        tape.Add(new Rearranged(tape, x, SparseMatrix.Selection(x.Shape.Length, Enumerable.Range(0, output.Length).Select(sources)), output));

    public override void Forward(Frame frame) => _product.Multiply(matrix, frame.Samples, frame.Input(), frame.Output);

    public override void Backward(Frame frame) => _product.Multiply(matrix.Transposed, frame.Samples, frame.OutputGradient, frame.InputGradient());
}
