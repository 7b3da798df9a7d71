namespace DistTrain.Learning;

/// <summary>y_c = mean of channel c's plane.  x [C, H, W]  y [C].  dy spreads evenly.  Lin, Chen, Yan 2013, arXiv:1312.4400.</summary>
[Named("globalAveragePool")]
public sealed class GlobalAveragePool : Layer
{
    public override Shape Build(LayerBuilder build, Shape input) => input.Rank == 3 && input.Length > 0 ? new Shape(input[0]) : throw build.Misfit(input, "[channels, height, width]");

    public override string ToOnnx(OnnxGraph graph, string x, Shape input) => graph.Add("Flatten", [graph.Add("GlobalAveragePool", [x])], ("axis", 1L));

    public override Tensor Forward(Tape tape, Tensor x) => new AveragePool2d(new(new Pair(x.Shape[1], x.Shape[2]))).Forward(tape, x).Reshape(new Shape(x.Shape[0]));
}
