using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>
/// Max pooling, layers on the small planes, and un-pooling back: y is body(pool(x)) where the pooling's maxima were, 0 elsewhere. Nested, it is an encoder with its decoder.
/// x [C, H, W]  pool, body [C, OY, OX]  y [C, H, W].  dy at the maxima goes through the body.  Zeiler et al. 2011, doi:10.1109/ICCV.2011.6126474; Badrinarayanan, Kendall, Cipolla 2015, arXiv:1511.00561.
/// </summary>
[Named("maxUnpool2d")]
public sealed class MaxUnpool2d(MaxUnpool2d.Options options) : Layer
{
    /// <param name="Kernel">Height and width of the window.</param>
    /// <param name="Stride">Step between windows; not given: the kernel. At least the kernel: windows do not overlap.</param>
    public sealed record Options([property: Range(1, 4096)] Pair Kernel, [property: Range(1, 4096)] Pair? Stride = null) : IValidatableObject
    {
        /// <summary>Layers between, named body.0, ...; they keep the pooled shape.</summary>
        public IReadOnlyList<Layer> Body { get; init; } = [];

        public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
        {
            if (Stride is { } stride && (stride.Y < Kernel.Y || stride.X < Kernel.X)) yield return new($"is {stride}. It must be at least the kernel, {Kernel}: where windows overlap, a place could be given two values.", [nameof(Stride)]);
        }
    }

    private readonly MaxPool2d _pool = new(new(options.Kernel, options.Stride));
    private readonly Sequential _body = new([.. options.Body]);

    public override Shape Build(LayerBuilder build, Shape input)
    {
        var pooled = Window.Output(build, input, options.Kernel, options.Stride, default);
        var body = build.Child("body", _body, pooled);
        return body == pooled ? input : throw build.Misfit(input, $"a body that keeps the pooled shape {pooled}; here it gives {body}");
    }

    public override Tensor Forward(Tape tape, Tensor x) =>
        tape.Add(new Unpool(tape, _body.Forward(tape, _pool.Forward(tape, x)), x, Window.Of(x.Shape, options.Kernel, options.Stride, default)));

    // The places are found again from x, so that nothing but tensors passes from node to node.
    private sealed class Unpool : Node
    {
        private readonly IMaxUnpool2d _unpool;
        private readonly IMaxPool2d _pool;
        private readonly IVector _vector;
        private readonly Pool2dShape _shape;
        private readonly Saved _argmax;
        private readonly Saved _maxima;

        public Unpool(Tape tape, Tensor values, Tensor x, Pool2dShape shape) : base(tape, [values, x], x.Shape)
        {
            (_unpool, _pool, _vector, _shape) = (tape.Device.Op<IMaxUnpool2d>(), tape.Device.Op<IMaxPool2d>(), tape.Device.Op<IVector>(), shape);
            (_argmax, _maxima) = (Save(shape.OutputLength), Scratch(shape.OutputLength));
        }

        public override NodeField FieldOf(int input) => input == 0 ? NodeField.Enlarged(_shape.StrideY, _shape.StrideX) : NodeField.Blocks(_shape);

        public override bool ReadsInputs => false;

        public override void Forward(Frame frame)
        {
            _pool.Forward(_shape, frame.Samples, frame.Input(1), frame.Memory(_maxima), frame.Memory(_argmax));
            _unpool.Forward(_shape, frame.Samples, frame.Input(0), frame.Memory(_argmax), frame.Output);
        }

        public override void Backward(Frame frame)
        {
            if (frame.InputGradient(0) is { IsNone: false } dv) _unpool.Backward(_shape, frame.Samples, frame.OutputGradient, frame.Memory(_argmax), dv);
            if (frame.InputGradient(1) is { IsNone: false } dx) _vector.Fill(dx, 0f); // places do not move with the values
        }
    }
}
