namespace DistTrain.Learning;

/// <summary>Branches of one input side by side along the first axis: [C1, ...], [C2, ...] become [C1 + C2, ...]. An empty branch (sequential without layers) is x itself.  Szegedy et al. 2014, arXiv:1409.4842.</summary>
[Named("concat")]
public sealed class Concat(Concat.Options options) : Layer
{
    public sealed record Options
    {
        /// <summary>Named 0, 1, ...; none: y = x.</summary>
        public IReadOnlyList<Layer> Branches { get; init; } = [];
    }

    public override Shape Build(LayerBuilder build, Shape input)
    {
        if (options.Branches.Count == 0) return input;
        var shapes = options.Branches.Select((branch, i) => build.Child($"{i}", branch, input)).ToList();
        if (shapes.Exists(s => s.Rank == 0 || s.Rank != shapes[0].Rank || !s.Axes[1..].SequenceEqual(shapes[0].Axes[1..])))
            throw build.Misfit(input, $"what the branches bring to shapes that differ in the first axis alone; here they give {string.Join(", ", shapes)}");
        return Joined.ShapeOf(shapes);
    }

    public override string ToOnnx(OnnxGraph graph, string x, Shape input) =>
        options.Branches.Count == 0 ? x : graph.Add("Concat", [.. options.Branches.Select(branch => branch.ToOnnx(graph, x, input))], ("axis", 1L));

    public override Tensor Forward(Tape tape, Tensor x) =>
        options.Branches.Count == 0 ? x : tape.Add(new Joined(tape, [.. options.Branches.Select(branch => branch.Forward(tape, x))]));
}
