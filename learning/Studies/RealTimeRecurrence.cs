using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>One parameter of a recurrent layer, its gradient by both ways.</summary>
/// <param name="Parameter">Its name.</param>
/// <param name="Backward">By back-propagation through time: the layer's own backward run.</param>
/// <param name="Forward">By real-time recurrent learning.</param>
public sealed record RecurrentGradient(string Parameter, float[] Backward, double[] Forward)
{
    /// <summary>max |difference| / max |value|.</summary>
    public double Difference
    {
        get
        {
            double gap = 0, largest = 1e-30;
            for (var i = 0; i < Forward.Length; i++) (gap, largest) = (Math.Max(gap, Math.Abs(Forward[i] - Backward[i])), Math.Max(largest, Math.Abs(Forward[i])));
            return gap / largest;
        }
    }
}

/// <summary>
/// Real-time recurrent learning of a simple recurrent layer: the sensitivities P = ∂h_t/∂θ go forward with the state,  P_t = f'(a_t)·(∂a_t/∂θ + W_hh·P_{t-1}),  and every step adds e_t·P_t, e_t the loss's slope by
/// h_t. Nothing of the past is kept, whatever the length; the price is H·(H·I + H² + 2H) numbers and H times as many multiply-adds a step, where back-propagation through time keeps T·H and runs backward.
/// Williams, Zipser 1989, doi:10.1162/neco.1989.1.2.270.
/// </summary>
public static class RealTimeRecurrence
{
    /// <summary>Multiply-adds of one step that are taken: H²·(H·I + H² + 2H).</summary>
    public const long MostPerStep = 1L << 30;

    /// <summary>dθ of one sample in double: W_ih [H, I], W_hh [H, H], b_ih [H], b_hh [H].</summary>
    /// <param name="rectified">ReLU in place of tanh.</param>
    /// <param name="x">[T, I].</param>
    /// <param name="slopes">e [T, H]: the loss by each step's state, what later steps do with it left out.</param>
    public static double[][] Gradients(ReadOnlySpan<float> weightInput, ReadOnlySpan<float> weightHidden, ReadOnlySpan<float> biasInput, ReadOnlySpan<float> biasHidden, bool rectified, ReadOnlySpan<float> x, ReadOnlySpan<float> slopes)
    {
        var hidden = biasInput.Length;
        var inputs = weightInput.Length / hidden;
        var (steps, count) = (x.Length / inputs, hidden * inputs + hidden * hidden + 2 * hidden);
        var (state, next, sensitivity, moved, sum) = (new double[hidden], new double[hidden], new double[hidden * count], new double[hidden * count], new double[count]);
        for (var t = 0; t < steps; t++)
        {
            var input = x.Slice(t * inputs, inputs);
            for (var k = 0; k < hidden; k++)
            {
                var a = (double)biasInput[k] + biasHidden[k];
                for (var i = 0; i < inputs; i++) a += (double)weightInput[k * inputs + i] * input[i];
                for (var j = 0; j < hidden; j++) a += weightHidden[k * hidden + j] * state[j];
                next[k] = rectified ? Math.Max(0, a) : 1 - 2 / (Scalar64.Exp(2 * a) + 1);
                var slope = rectified ? a > 0 ? 1.0 : 0.0 : 1 - next[k] * next[k];
                var row = moved.AsSpan(k * count, count);
                row.Clear();
                for (var j = 0; j < hidden; j++)
                {
                    double weight = weightHidden[k * hidden + j];
                    var before = sensitivity.AsSpan(j * count, count);
                    for (var p = 0; p < count; p++) row[p] += weight * before[p];
                }
                for (var i = 0; i < inputs; i++) row[k * inputs + i] += input[i];
                for (var j = 0; j < hidden; j++) row[hidden * inputs + k * hidden + j] += state[j];
                row[hidden * (inputs + hidden) + k] += 1;
                row[hidden * (inputs + hidden) + hidden + k] += 1;
                for (var p = 0; p < count; p++) row[p] *= slope;
            }
            (state, next, sensitivity, moved) = (next, state, moved, sensitivity);
            for (var k = 0; k < hidden; k++)
                for (var p = 0; p < count; p++) sum[p] += slopes[t * hidden + k] * sensitivity[k * count + p];
        }
        return [sum[..(hidden * inputs)], sum[(hidden * inputs)..(hidden * (inputs + hidden))], sum[(hidden * (inputs + hidden))..^hidden], sum[^hidden..]];
    }

    /// <summary>The first rnn of a network's sequence, its gradients on one sample by both ways.</summary>
    /// <param name="x">One sample's input.</param>
    /// <param name="target">Its target; labels as int32 bits.</param>
    /// <exception cref="ShapeException">There is no such layer, or it is stacked, runs both ways, or is too large.</exception>
    public static IReadOnlyList<RecurrentGradient> Compare(Network network, Loss loss, ReadOnlySpan<float> weights, ReadOnlySpan<float> x, ReadOnlySpan<float> target, Shape targetShape, TargetKind kind)
    {
        var sequence = network.Sequence;
        var at = sequence.ToList().FindIndex(l => l.Layer is Rnn);
        if (at < 0) throw new ShapeException($"the model has no rnn in its sequence ({string.Join(", ", sequence.Select(l => network.Layers.FirstOrDefault(s => s.Path == l.Path)?.Kind ?? "network"))}). Real-time recurrent learning is there for rnn: use a list of layers with one.");
        var (path, layer, _, output) = sequence[at];
        var parameters = network.Parameters.Where(p => p.Kind == SliceKind.Parameter && p.Name.StartsWith($"{path}.", StringComparison.Ordinal)).ToArray();
        if (parameters.Length != 4) throw new ShapeException($"layer {path} (rnn) has {parameters.Length} parameters. Real-time recurrent learning takes one layer of one direction: leave layers and bidirectional at their defaults.");
        var hidden = parameters[2].Shape[0];
        var perStep = (long)hidden * hidden * parameters.Sum(p => (long)p.Shape.Length);
        if (perStep > MostPerStep) throw new ShapeException($"layer {path} (rnn) has {hidden} units: a step would take {perStep:N0} multiply-adds. Use fewer units (32, say): the cost grows with their fourth power.");
        using var device = new CpuDevice(1);
        using var buffer = device.Allocate(weights.Length);
        buffer.Write(0, weights);
        var entering = x.ToArray();
        if (at > 0)
        {
            using var before = new NetworkPart(network, [.. sequence.Take(at)], device);
            entering = before.Run(x, [], buffer.View).Output;
        }
        // The whole of it gives back-propagation's gradient; what is behind the layer gives e_t.
        using var whole = new NetworkPart(network, [.. sequence.Skip(at)], device, loss, targetShape, kind);
        using var own = new NetworkPart(network, [sequence[at]], device);
        var backward = whole.Run(entering, target, buffer.View).Gradient;
        var states = own.Run(entering, [], buffer.View).Output;
        float[] slopes;
        if (at + 1 < sequence.Count)
        {
            using var behind = new NetworkPart(network, [.. sequence.Skip(at + 1)], device, loss, targetShape, kind);
            slopes = behind.Run(states, target, buffer.View).InputGradient;
        }
        else throw new ShapeException($"layer {path} (rnn) is the last one. The loss must read it through a layer: add one, such as linear.");
        var all = weights.ToArray();
        float[] Of(Parameter p) => all[p.Slice.Offset..(p.Slice.Offset + p.Slice.Length)];
        var forward = Gradients(Of(parameters[0]), Of(parameters[1]), Of(parameters[2]), Of(parameters[3]), ((Rnn)layer).Rectified, entering, slopes);
        return [.. parameters.Select((p, i) => new RecurrentGradient(p.Name, backward[p.Slice.Offset..(p.Slice.Offset + p.Slice.Length)], forward[i]))];
    }
}
