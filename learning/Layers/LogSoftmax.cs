namespace DistTrain.Learning;

/// <summary>y_k = x_k - ln Σ eˣ over the last axis of [..., K];  dx = dy - eʸ·Σ dy.</summary>
[Named("logSoftmax")]
public sealed class LogSoftmax : Layer
{
    public override Shape Build(LayerBuilder build, Shape input) => input.Rank > 0 ? input : throw build.Misfit(input, "[..., classes]");

    public override string ToOnnx(OnnxGraph graph, string x, Shape input) => graph.Add("LogSoftmax", [x], ("axis", (long)input.Rank));

    public override Tensor Forward(Tape tape, Tensor x) => tape.Add(new Softmax.Rows(tape, x, logarithm: true));
}
