namespace DistTrain.Learning;

/// <summary>y_c = max of channel c's plane; a tie takes the lowest index.  x [C, H, W]  y [C].</summary>
[Named("globalMaxPool")]
public sealed class GlobalMaxPool : Layer
{
    public override Shape Build(LayerBuilder build, Shape input) => input.Rank == 3 && input.Length > 0 ? new Shape(input[0]) : throw build.Misfit(input, "[channels, height, width]");

    public override string ToOnnx(OnnxGraph graph, string x, Shape input) => graph.Add("Flatten", [graph.Add("GlobalMaxPool", [x])], ("axis", 1L));

    public override Tensor Forward(Tape tape, Tensor x) => new MaxPool2d(new(new Pair(x.Shape[1], x.Shape[2]))).Forward(tape, x).Reshape(new Shape(x.Shape[0]));
}
