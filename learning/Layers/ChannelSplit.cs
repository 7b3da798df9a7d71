namespace DistTrain.Learning;

/// <summary>Channels in equal parts, one for each branch, and the results side by side: y = [branch_0(x_0), branch_1(x_1), ...].  x [C, ...]. An empty branch (sequential without layers) passes its part on.  Ma et al. 2018, arXiv:1807.11164 (ShuffleNet v2, guideline 1).</summary>
[Named("channelSplit")]
public sealed class ChannelSplit(ChannelSplit.Options options) : Layer
{
    public sealed record Options
    {
        /// <summary>Named 0, 1, ...; their number divides the channels; none: y = x.</summary>
        public IReadOnlyList<Layer> Branches { get; init; } = [];
    }

    public override Shape Build(LayerBuilder build, Shape input)
    {
        var parts = options.Branches.Count;
        if (parts == 0) return input;
        if (input.Rank == 0 || input[0] % parts != 0) throw build.Misfit(input, $"[channels (a multiple of {parts}, the branches), ...]");
        var part = new Shape([input[0] / parts, .. input.Axes[1..]]);
        var shapes = options.Branches.Select((branch, i) => build.Child($"{i}", branch, part)).ToList();
        if (shapes.Exists(s => s.Rank == 0 || s.Rank != shapes[0].Rank || !s.Axes[1..].SequenceEqual(shapes[0].Axes[1..])))
            throw build.Misfit(input, $"what the branches bring to shapes that differ in the first axis alone; here they give {string.Join(", ", shapes)}");
        return Joined.ShapeOf(shapes);
    }

    public override string ToOnnx(OnnxGraph graph, string x, Shape input)
    {
        if (options.Branches.Count == 0) return x;
        var part = new Shape([input[0] / options.Branches.Count, .. input.Axes[1..]]);
        return graph.Add("Concat", [.. options.Branches.Select((branch, i) => branch.ToOnnx(graph, graph.Channels(x, i * part[0], part[0]), part))], ("axis", 1L));
    }

    public override Tensor Forward(Tape tape, Tensor x)
    {
        if (options.Branches.Count == 0) return x;
        var count = x.Shape[0] / options.Branches.Count;
        return tape.Add(new Joined(tape, [.. options.Branches.Select((branch, i) => branch.Forward(tape, tape.Add(new Sliced(tape, x, i * count, count))))]));
    }
}
