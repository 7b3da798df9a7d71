using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>The same elements with other axes; no copy is made.</summary>
[Named("reshape")]
public sealed class Reshape(Reshape.Options options) : Layer
{
    public sealed record Options
    {
        /// <summary>Axes of one sample; one of them may be 0: what the others leave. None: one axis.</summary>
        [Range(0, int.MaxValue)] public IReadOnlyList<int> Shape { get; init; } = [];
    }

    public override Shape Build(LayerBuilder build, Shape input) => Output(input) ?? throw build.Misfit(input, $"as many elements as [{string.Join(", ", options.Shape)}] has (0 stands for the rest)");

    public override string ToOnnx(OnnxGraph graph, string x, Shape input) => graph.Reshape(x, Output(input)!.Value.Axes);

    public override Tensor Forward(Tape tape, Tensor x) => x.Reshape(Output(x.Shape)!.Value);

    private Shape? Output(Shape input)
    {
        if (options.Shape.Count == 0) return new Shape(input.Length);
        var known = options.Shape.Where(axis => axis > 0).Aggregate(1L, (product, axis) => Math.Min(product * axis, int.MaxValue));
        var open = options.Shape.Count(axis => axis == 0);
        if (open > 1 || input.Length % known != 0 || (open == 0 && known != input.Length)) return null;
        return new Shape([.. options.Shape.Select(axis => axis > 0 ? axis : (int)(input.Length / known))]);
    }
}
