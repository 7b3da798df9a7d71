using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>y = attention(q, k, v)·w_outᵀ + b_out with several heads, q = x·w_qᵀ + b_q, k and v alike of x or, with a memory, of what its layers make of x beside it (an encoder): cross-attention.  x [T, D]  memory [S, E]  y [T, D].  in_proj_weight [3·D, D] holds w_q, w_k, w_v where E = D, else q_proj_weight [D, D], k_proj_weight and v_proj_weight [D, E]; in_proj_bias [3·D], out_proj.weight [D, D].  Vaswani et al. 2017, arXiv:1706.03762.</summary>
/// <remarks>PyTorch's MultiheadAttention with batch_first; its names and layouts. Unlike it self-attention is causal unless causal: false is given; of masks there are the causal one and that of padding.</remarks>
[Named("multiHeadAttention")]
public sealed class MultiHeadAttention(MultiHeadAttention.Options options) : Layer
{
    /// <param name="Heads">Heads; they divide D.</param>
    /// <param name="Causal">A position sees those up to its own; not given: true without a memory, false with one (PyTorch: false).</param>
    /// <param name="Dropout">Probability that a weight is dropped behind the softmax, in training.</param>
    /// <param name="Padding">A token of the network's input: keys that have it are seen by no query (key_padding_mask); not given: all are seen.</param>
    public sealed record Options(
        [property: Range(1, 4096)] int Heads = 1,
        bool? Causal = null,
        [property: Range(0.0, 1.0, MaximumIsExclusive = true)] float Dropout = 0f,
        [property: Range(0, 1 << 24)] int? Padding = null) : IValidatableObject
    {
        /// <summary>Layers beside this one whose output, [S, E], is what keys and values are made of, named memory.0, ...; none: x itself.</summary>
        public IReadOnlyList<Layer> Memory { get; init; } = [];

        /// <summary>First weights of all projections.</summary>
        public Initializer? WeightInit { get; init; }

        /// <summary>First biases; not given: 0.</summary>
        public Initializer? BiasInit { get; init; }

        public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
        {
            if (Causal == true && Memory.Count > 0) yield return new("is true. It must be false with a memory: its places are not those of the queries.", [nameof(Causal)]);
        }
    }

    private readonly Sequential _memory = new([.. options.Memory]);
    private readonly ScaledDotAttention _attention = new(new(options.Heads, options.Causal ?? true, options.Dropout, options.Padding));
    private Linear? _inputs;
    private Linear _outputs = null!;
    private Projection[] _crossed = [];
    private Parameter _bias = null!;
    private Shape _source;
    private string _path = "";

    /// <summary>Rows of a weight that make queries, keys or values.</summary>
    private readonly record struct Projection(Parameter Weight, int Row, int Inputs);

    public override Shape Build(LayerBuilder build, Shape input)
    {
        if (input.Rank != 2 || input[1] == 0 || input[1] % options.Heads != 0) throw build.Misfit(input, $"[steps, width] with a width that {options.Heads} heads divide");
        Initializer weights = options.WeightInit ?? new XavierUniform(new()), biases = options.BiasInit ?? new Constant(new(0f));
        _outputs = new Linear(new(input[1]) { WeightInit = weights, BiasInit = biases });
        _path = build.Path;
        if (options.Memory.Count == 0)
        {
            ScaledDotAttention.CheckPadding(build, input, input[0], options.Padding);
            _inputs = new Linear(new(3 * input[1]) { WeightInit = weights, BiasInit = biases });
            return build.Child("out_proj", _outputs, build.Child("attention", _attention, _inputs.Build(build.Renamed("in_proj_"), input)));
        }
        _source = build.Child("memory", _memory, input);
        if (_source.Rank != 2 || _source.Length == 0) throw build.Misfit(input, $"what its memory brings to [steps, width]; here that gives {_source}");
        ScaledDotAttention.CheckPadding(build, input, _source[0], options.Padding);
        var (width, inner) = (input[1], _source[1]);
        if (inner == width)
        {
            var all = build.Parameter("in_proj_weight", new Shape(3 * width, width), weights);
            _crossed = [new(all, 0, width), new(all, width, width), new(all, 2 * width, width)];
        }
        else
        {
            Projection Own(string name, int inputs) => new(build.Parameter($"{name}_proj_weight", new Shape(width, inputs), weights), 0, inputs);
            _crossed = [Own("q", width), Own("k", inner), Own("v", inner)];
        }
        _bias = build.Parameter("in_proj_bias", new Shape(3 * width), biases);
        return build.Child("out_proj", _outputs, input);
    }

    public override string ToOnnx(OnnxGraph graph, string x, Shape input)
    {
        if (_inputs is not null)
            return _outputs.ToOnnx(graph, _attention.ToOnnx(graph, _inputs.ToOnnx(graph, x, input), new Shape(input[0], 3 * input[1])), input);
        var memory = _memory.ToOnnx(graph, x, input);
        var shape = ShapeOf(input);
        string Heads(int part, string of, int steps)
        {
            var (name, (weight, row, inputs)) = ($"{_path}.{"qkv"[part]}", _crossed[part]);
            var w = graph.Constant($"{name}_weight", [input[1], inputs], graph.Values(weight).AsSpan(row * inputs, input[1] * inputs));
            var b = graph.Constant($"{name}_bias", [input[1]], graph.Values(_bias).AsSpan(part * input[1], input[1]));
            var rows = graph.Add("Add", [graph.Add("MatMul", [of, graph.Add("Transpose", [w], ("perm", new long[] { 1, 0 }))]), b]);
            return graph.Add("Transpose", [graph.Reshape(rows, steps, shape.Heads, shape.Width)], ("perm", new long[] { 0, 2, 1, 3 }));
        }
        return _outputs.ToOnnx(graph, ScaledDotAttention.Attend(graph, Heads(0, x, input[0]), Heads(1, memory, _source[0]), Heads(2, memory, _source[0]), shape, options.Padding), input);
    }

    public override Tensor Forward(Tape tape, Tensor x) => _outputs.Forward(tape, _inputs is not null
        ? _attention.Forward(tape, _inputs.Forward(tape, x))
        : tape.Add(new Crossed(tape, this, x, _memory.Forward(tape, x), ShapeOf(x.Shape), new AttentionRules(options.Dropout, options.Padding is not null, _path))));

    private AttentionShape ShapeOf(Shape x) => new(x[0], options.Heads, x[1] / options.Heads, Causal: false) { KeySteps = _source[0], Padding = options.Padding ?? 0 };

    // Projections and attention in one node: three products read parts of one weight.
    private sealed class Crossed : AttendingNode
    {
        private readonly ILinear _linear;
        private readonly Projection[] _projections;
        private readonly Parameter _bias;
        private readonly Saved[] _rows;
        private readonly Saved[] _gradients;
        private readonly Saved _second;

        public Crossed(Tape tape, MultiHeadAttention layer, Tensor x, Tensor memory, AttentionShape shape, AttentionRules rules)
            : base(tape, [x, memory], shape, rules, [.. layer._crossed.Select(p => p.Weight).Distinct(), layer._bias])
        {
            (_linear, _projections, _bias) = (tape.Device.Op<ILinear>(), layer._crossed, layer._bias);
            _rows = [Save(Length(0)), Save(Length(1)), Save(Length(2))];
            _gradients = tape.IsTraining ? [Scratch(Length(0)), Scratch(Length(1)), Scratch(Length(2))] : [];
            _second = Scratch(tape.IsTraining ? memory.Shape.Length : 0);
        }

        public override long MultiplyAdds => base.MultiplyAdds + (long)Length(0) * _projections[0].Inputs + 2L * Length(1) * _projections[1].Inputs;

        public override void Forward(Frame frame)
        {
            for (var part = 0; part < 3; part++)
                _linear.Forward(frame.Samples * Steps(part), _projections[part].Inputs, Width, frame.Input(part == 0 ? 0 : 1), Of(frame.Weights(_projections[part].Weight), part), OfBias(frame.Weights(_bias), part), frame.Memory(_rows[part]), Epilogue.None);
            Attend(frame, Operands(frame, _rows));
        }

        public override void Backward(Frame frame)
        {
            Differentiate(frame, Operands(frame, _rows), Operands(frame, _gradients));
            for (var part = 0; part < 3; part++)
                _linear.BackwardWeights(frame.Segments, Steps(part), _projections[part].Inputs, Width, frame.Input(part == 0 ? 0 : 1), frame.Memory(_gradients[part]), Of(frame.Gradient(_projections[part].Weight), part), OfBias(frame.Gradient(_bias), part));
            if (frame.InputGradient(0) is { IsNone: false } dx) BackwardInput(frame, 0, dx);
            if (frame.InputGradient(1) is not { IsNone: false } dMemory) return;
            var second = frame.Memory(_second);
            BackwardInput(frame, 1, dMemory);
            BackwardInput(frame, 2, second);
            Vector.Add(second, dMemory);
        }

        private int Width => Shape.RowLength;

        private int Steps(int part) => part == 0 ? Shape.Steps : Shape.KeySteps;

        private int Length(int part) => Steps(part) * Width;

        private static AttentionOperands Operands(Frame frame, Saved[] rows) => new(frame.Memory(rows[0]), frame.Memory(rows[1]), frame.Memory(rows[2]));

        private View Of(View weight, int part) => weight.Part(_projections[part].Row * _projections[part].Inputs, Width * _projections[part].Inputs);

        private View OfBias(View bias, int part) => bias.Part(part * Width, Width);

        private void BackwardInput(Frame frame, int part, View to) =>
            _linear.BackwardInput(frame.Samples * Steps(part), _projections[part].Inputs, Width, frame.Memory(_gradients[part]), Of(frame.Weights(_projections[part].Weight), part), to);
    }
}
