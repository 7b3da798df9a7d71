using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>What recurrent layers share: PyTorch's parameters weight_ih_l0, weight_hh_l0 and, with bias, bias_ih_l0, bias_hh_l0 (with _reverse for the second direction), layers stacked, directions side by side.  x [T, I]  y [T, H] or [T, 2H].</summary>
public abstract class Recurrent(int gates, int hidden, int layers, bool bidirectional, bool bias, Initializer? hiddenInit = null) : Layer
{
    private readonly List<Cell> _cells = [];

    public sealed override Shape Build(LayerBuilder build, Shape input)
    {
        if (input.Rank != 2) throw build.Misfit(input, "[steps, inputs]");
        if (build.Lanes > 0 && bidirectional) throw build.Misfit(input, "samples that do not go on from each other: a second direction would need the text to come, so it carries no state. Use sampling: random, or one direction");
        var inputs = input[1];
        // PyTorch draws all four from U[-1/√H, 1/√H).
        var (initializer, fan) = (new FanInUniform(), new Fan(hidden, hidden));
        for (var layer = 0; layer < layers; layer++, inputs = Directions * hidden)
            for (var direction = 0; direction < Directions; direction++)
            {
                Parameter Of(string name, params ReadOnlySpan<int> axes) => build.Parameter($"{name}_l{layer}{(direction == 1 ? "_reverse" : "")}", new Shape(axes), name == "weight_hh" && hiddenInit is not null ? hiddenInit : initializer, fan);
                _cells.Add(new Cell(Of("weight_ih", gates * hidden, inputs), Of("weight_hh", gates * hidden, hidden), bias ? Of("bias_ih", gates * hidden) : null, bias ? Of("bias_hh", gates * hidden) : null,
                    build.Lanes > 0 ? build.Carried($"state_l{layer}", States, hidden) : null));
            }
        return new Shape(input[0], Directions * hidden);
    }

    public sealed override Tensor Forward(Tape tape, Tensor x)
    {
        for (var layer = 0; layer < layers; layer++)
        {
            var forward = tape.Add(Sequence(tape, _cells[layer * Directions], x));
            x = bidirectional ? SideBySide(tape, forward, Reversed(tape, tape.Add(Sequence(tape, _cells[2 * layer + 1], Reversed(tape, x))))) : forward;
        }
        return x;
    }

    /// <summary>ONNX's operator; null: it has none.</summary>
    protected virtual string? OnnxName => null;

    /// <summary>Where each of ONNX's gates stands among this cell's.</summary>
    protected virtual IReadOnlyList<int> OnnxGates => [0];

    protected virtual (string Name, object Value)[] OnnxAttributes => [];

    // ONNX: x [T, N, I], weights [directions, gates·H, ...] with gates of its own order, both biases in one row, y [T, directions, N, H].
    public sealed override string ToOnnx(OnnxGraph graph, string x, Shape input)
    {
        if (OnnxName is null) return base.ToOnnx(graph, x, input);
        x = graph.Add("Transpose", [x], ("perm", new long[] { 1, 0, 2 }));
        for (var layer = 0; layer < layers; layer++)
        {
            var cells = _cells.GetRange(layer * Directions, Directions);
            var name = cells[0].WeightInput.Name;
            var inputs = cells[0].WeightInput.Shape[1];
            var w = graph.Constant($"{name}.onnx", [Directions, gates * hidden, inputs], [.. cells.SelectMany(c => Gates(graph.Values(c.WeightInput), inputs))]);
            var r = graph.Constant($"{name}.onnx_hidden", [Directions, gates * hidden, hidden], [.. cells.SelectMany(c => Gates(graph.Values(c.WeightHidden), hidden))]);
            var b = graph.Constant($"{name}.onnx_bias", [Directions, 2 * gates * hidden], [.. cells.SelectMany(c => Gates(Bias(c.BiasInput), 1).Concat(Gates(Bias(c.BiasHidden), 1)))]);
            var y = graph.Add(OnnxName, [x, w, r, b], [("hidden_size", (long)hidden), ("direction", bidirectional ? "bidirectional" : "forward"), .. OnnxAttributes]);
            // [T, directions, N, H] -> [T, N, directions·H]; a 0 keeps the axis as it is.
            x = graph.Add("Reshape", [graph.Add("Transpose", [y], ("perm", new long[] { 0, 2, 1, 3 })), graph.Constant([0L, 0L, (long)Directions * hidden])]);
        }
        return graph.Add("Transpose", [x], ("perm", new long[] { 1, 0, 2 }));

        float[] Bias(Parameter? of) => of is null ? new float[gates * hidden] : graph.Values(of);
        float[] Gates(float[] values, int width) => [.. OnnxGates.SelectMany(g => values.AsSpan(g * hidden * width, hidden * width).ToArray())];
    }

    /// <summary>Vectors of H that a cell hands from step to step.</summary>
    protected virtual int States => 1;

    /// <summary>The node that runs one cell over all steps.</summary>
    protected abstract Node Sequence(Tape tape, Cell cell, Tensor x);

    private int Directions => bidirectional ? 2 : 1;

    private static Tensor Reversed(Tape tape, Tensor x)
    {
        var (steps, width) = (x.Shape[0], x.Shape[1]);
        return Rearranged.Selection(tape, x, x.Shape, i => (steps - 1 - i / width) * width + i % width);
    }

    private static Tensor SideBySide(Tape tape, Tensor a, Tensor b)
    {
        var (steps, width) = (a.Shape[0], a.Shape[1]);
        return Rearranged.Selection(tape, tape.Add(new Joined(tape, [a, b])), new Shape(steps, 2 * width), i => (i / width % 2 * steps + i / width / 2) * width + i % width);
    }

    /// <summary>The weights of one layer and direction, and what it hands on between steps (adjacent sampling).</summary>
    protected sealed record Cell(Parameter WeightInput, Parameter WeightHidden, Parameter? BiasInput, Parameter? BiasHidden, Parameter? Carried);

    /// <summary>Both biases as the ops take them: the cell's, or where it has none zeros that are made for the run, and gradients that nobody reads.</summary>
    protected sealed class Biases(Cell cell, Func<int, Saved> scratch)
    {
        private readonly Saved? _absent = cell.BiasInput is null ? scratch(cell.WeightInput.Shape[0]) : null;
        private readonly Saved? _other = cell.BiasInput is null ? scratch(cell.WeightInput.Shape[0]) : null;

        public (View Input, View Hidden) Values(Frame frame)
        {
            if (_absent is null) return (frame.Weights(cell.BiasInput), frame.Weights(cell.BiasHidden));
            var zeros = frame.Memory(_absent);
            frame.Device.Op<IVector>().Fill(zeros, 0f);
            return (zeros, zeros);
        }

        public (View Input, View Hidden) Gradients(Frame frame) =>
            _absent is null ? (frame.Gradient(cell.BiasInput), frame.Gradient(cell.BiasHidden)) : (frame.Memory(_absent), frame.Memory(_other!));
    }
}
