using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>Self-attention: y = softmax(q·kᵀ / √d)·v for each head.  x [T, 3·D]: a row holds q, k and v, each [heads, d], D = heads·d  y [T, D].  Vaswani et al. 2017, arXiv:1706.03762.</summary>
[Named("scaledDotAttention")]
public sealed class ScaledDotAttention(ScaledDotAttention.Options options) : Layer
{
    /// <param name="Heads">Heads; three times their number divides the row.</param>
    /// <param name="Causal">A position sees those up to its own; PyTorch has no mask unless one is given.</param>
    /// <param name="Dropout">Probability that a weight is dropped behind the softmax, in training.</param>
    /// <param name="Padding">A token of the network's input: positions that have it are seen by none; not given: all are seen.</param>
    public sealed record Options([property: Range(1, 4096)] int Heads = 1, bool Causal = true, [property: Range(0.0, 1.0, MaximumIsExclusive = true)] float Dropout = 0f, [property: Range(0, 1 << 24)] int? Padding = null);

    private string _path = "";

    public override Shape Build(LayerBuilder build, Shape input)
    {
        if (input.Rank != 2 || input[0] == 0 || input[1] == 0 || input[1] % (3 * options.Heads) != 0) throw build.Misfit(input, $"[steps, 3 x width] with a width that {options.Heads} heads divide");
        CheckPadding(build, input, input[0], options.Padding);
        _path = build.Path;
        return new Shape(input[0], input[1] / 3);
    }

    public override string ToOnnx(OnnxGraph graph, string x, Shape input)
    {
        var (steps, heads, width) = (input[0], options.Heads, input[1] / 3 / options.Heads);
        // [N, T, 3, heads, d] -> [3, N, heads, T, d]
        var parts = graph.Split(graph.Add("Transpose", [graph.Reshape(x, steps, 3, heads, width)], ("perm", new long[] { 2, 0, 3, 1, 4 })), 3);
        string Part(int i) => graph.Add("Squeeze", [parts[i], graph.Constant([0L])]);
        return Attend(graph, Part(0), Part(1), Part(2), new AttentionShape(steps, heads, width, options.Causal), options.Padding);
    }

    public override Tensor Forward(Tape tape, Tensor x) =>
        tape.Add(new Packed(tape, x, new AttentionShape(x.Shape[0], options.Heads, x.Shape[1] / 3 / options.Heads, options.Causal) { Padding = options.Padding ?? 0 }, new AttentionRules(options.Dropout, options.Padding is not null, _path)));

    /// <summary>Padding is told by the tokens that the network is given: one for each key.</summary>
    internal static void CheckPadding(LayerBuilder build, Shape input, int keys, int? padding)
    {
        if (padding is not null && (build.SourceVocabulary == 0 || build.Source.Rank != 1 || build.Source[0] != keys))
            throw build.Misfit(input, $"keys that are the network's input tokens, one each, where padding is set; here there are {keys} keys, and the network's input is {build.Source} of {(build.SourceVocabulary > 0 ? "tokens" : "real values")}");
    }

    /// <summary>From q [N, heads, T, d] and k, v [N, heads, keys, d] to [N, T, heads·d].</summary>
    internal static string Attend(OnnxGraph graph, string q, string k, string v, AttentionShape shape, int? padding)
    {
        var steps = shape.Steps;
        var scores = graph.Add("Mul", [graph.Add("MatMul", [q, graph.Add("Transpose", [k], ("perm", new long[] { 0, 1, 3, 2 }))]), graph.Scalar(1f / MathF.Sqrt(shape.Width))]);
        if (shape.Causal)
        {
            var mask = new float[steps * steps];
            for (var t = 0; t < steps; t++) mask.AsSpan(t * steps + t + 1, steps - t - 1).Fill(AttentionShape.Hidden);
            scores = graph.Add("Add", [scores, graph.Constant($"causal_{steps}", [steps, steps], mask)]);
        }
        if (padding is { } token)
        {
            // Whole numbers: 1 - |t - token| is 1 for the token and at most 0 for all others.
            var same = graph.Add("Relu", [graph.Add("Sub", [graph.Scalar(1f), graph.Add("Abs", [graph.Add("Sub", [graph.Reshape("input", 1, 1, shape.KeySteps), graph.Scalar(token)])])])]);
            scores = graph.Add("Add", [scores, graph.Add("Mul", [same, graph.Scalar(AttentionShape.Hidden)])]);
        }
        var mixed = graph.Add("MatMul", [graph.Add("Softmax", [scores], ("axis", 3L)), v]);
        return graph.Reshape(graph.Add("Transpose", [mixed], ("perm", new long[] { 0, 2, 1, 3 })), steps, shape.RowLength);
    }

    private sealed class Packed(Tape tape, Tensor qkv, AttentionShape shape, AttentionRules rules) : AttendingNode(tape, [qkv], shape, rules)
    {
        public override void Forward(Frame frame) => Attend(frame, frame.Input());

        public override void Backward(Frame frame) => Differentiate(frame, frame.Input(), frame.InputGradient());
    }
}
