using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>y = attention(x·w_inᵀ + b_in)·w_outᵀ + b_out: self-attention of several heads over [T, D].  in_proj_weight [3·D, D] gives q, k, v; out_proj.weight [D, D].  Vaswani et al. 2017, arXiv:1706.03762.</summary>
[Named("multiHeadAttention")]
public sealed class MultiHeadAttention(MultiHeadAttention.Options options) : Layer
{
    /// <param name="Heads">Heads; they divide D.</param>
    /// <param name="Causal">A position sees those up to its own.</param>
    public sealed record Options([property: Range(1, 4096)] int Heads = 1, bool Causal = true)
    {
        /// <summary>First weights of both projections.</summary>
        public Initializer? WeightInit { get; init; }

        /// <summary>First biases; not given: 0.</summary>
        public Initializer? BiasInit { get; init; }
    }

    private readonly ScaledDotAttention _attention = new(new(options.Heads, options.Causal));
    private readonly List<Linear> _projections = [];

    public override Shape Build(LayerBuilder build, Shape input)
    {
        if (input.Rank != 2 || input[1] == 0 || input[1] % options.Heads != 0) throw build.Misfit(input, $"[steps, width] with a width that {options.Heads} heads divide");
        Linear Projection(int outputs) => new(new(outputs) { WeightInit = options.WeightInit ?? new XavierUniform(new()), BiasInit = options.BiasInit ?? new Constant(new(0f)) });
        _projections.AddRange([Projection(3 * input[1]), Projection(input[1])]);
        var all = _projections[0].Build(build.Renamed("in_proj_"), input);
        return build.Child("out_proj", _projections[1], build.Child("attention", _attention, all));
    }

    public override long MultiplyAdds(Shape input, Shape output) => 3L * input.Length * input[1];

    public override string ToOnnx(OnnxGraph graph, string x, Shape input)
    {
        var all = new Shape(input[0], 3 * input[1]);
        return _projections[1].ToOnnx(graph, _attention.ToOnnx(graph, _projections[0].ToOnnx(graph, x, input), all), input);
    }

    public override Tensor Forward(Tape tape, Tensor x) => _projections[1].Forward(tape, _attention.Forward(tape, _projections[0].Forward(tape, x)));
}
