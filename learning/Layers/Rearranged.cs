using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>y = S·x for each sample, S fixed and sparse: shuffles, reversals, upsampling.  dx = Sᵀ·dy.</summary>
/// <param name="run">Neighbouring elements that an entry of S moves alike: [.., run].</param>
/// <param name="repeats">How many of what S is for a sample holds: planes, where S is of one.</param>
internal sealed class Rearranged(Tape tape, Tensor x, SparseMatrix matrix, Shape output, int run = 1, int repeats = 1) : Node(tape, [x], output)
{
    private readonly ISparseProduct _product = tape.Device.Op<ISparseProduct>();

    /// <summary>Where outputs look; not given: at their own places, as where channels are moved.</summary>
    public NodeField Field { get; init; } = NodeField.Same;

    public override NodeField FieldOf(int input) => Field;

    public override bool ReadsInputs => false;

    /// <summary>Element i of the output's runs is that of the input's run sources(i).</summary>
    public static Tensor Selection(Tape tape, Tensor x, Shape output, Func<int, int> sources, int run = 1, NodeField? field = null) =>
        tape.Add(new Rearranged(tape, x, SparseMatrix.Selection(x.Shape.Length / run, Enumerable.Range(0, output.Length / run).Select(sources)), output, run) { Field = field ?? NodeField.Same });

    public override void Forward(Frame frame) => _product.Multiply(matrix, frame.Samples * repeats, frame.Input(), frame.Output, run);

    public override void Backward(Frame frame) => _product.Multiply(matrix.Transposed, frame.Samples * repeats, frame.OutputGradient, frame.InputGradient(), run);
}
