using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>Runs a network in evaluation mode and shows what each layer of its sequences gives. For looking, not for training: it has memory of its own.</summary>
public sealed class LayerView : IDisposable
{
    private readonly Network _network;
    private readonly Arena _arena;
    private readonly Replay _replay;
    private readonly Dictionary<Node, List<(string Path, Layer Layer, Tensor Output)>> _marks = [];

    public LayerView(Network network, Device device)
    {
        (_network, _arena) = (network, new Arena(device));
        var tape = new Tape(device, TapeMode.Prediction, network.Input);
        tape.Finish(network.Record(tape));
        _replay = new Replay(tape, network.Layout, _arena);
        foreach (var mark in tape.Marks)
            if (mark.Output.Producer is { } node)
            {
                if (!_marks.TryGetValue(node, out var list)) _marks[node] = list = [];
                // A product whose ReLU runs in its last pass has no output of its own to show.
                list.RemoveAll(other => other.Output == mark.Output && other.Layer is IFusesRelu);
                list.Add(mark);
            }
    }

    /// <summary>Shows the layers in the order in which they run.</summary>
    /// <param name="inputs">[samples, input].</param>
    /// <param name="seen">Told of each layer while its output is there.</param>
    public void Look(ReadOnlySpan<float> inputs, int samples, View weights, SeeLayer seen)
    {
        _replay.Prepare(Segments.One(samples), weights, View.None);
        inputs.CopyTo(_replay.Input.AsSpan());
        _replay.Seen = node =>
        {
            if (!_marks.TryGetValue(node, out var marks)) return;
            foreach (var (path, layer, output) in marks) seen(path, layer, output.Shape, _replay.Frame.Of(output.Root.Value!).AsSpan());
        };
        _replay.Forward();
        _replay.Seen = null;
    }

    /// <summary>
    /// Share of units (channels of images, else elements of the last axis) that are zero on every sample given, for each ReLU and ReLU6, by the place of the last layer with parameters before it.
    /// </summary>
    public IReadOnlyDictionary<string, double> DeadShares(ReadOnlySpan<float> inputs, int samples, View weights)
    {
        var shares = new Dictionary<string, double>(StringComparer.Ordinal);
        Look(inputs, samples, weights, (path, layer, shape, values) =>
        {
            if (layer is not (Relu or Relu6) || shape.Length == 0) return;
            var (channels, inner) = shape.Rank == 3 ? (shape[0], shape[1] * shape[2]) : (shape[-1], 1);
            var alive = new bool[channels];
            for (var i = 0; i < values.Length; i++)
                if (values[i] != 0f) alive[i / inner % channels] = true;
            shares[LayerBefore(path)] = alive.Count(a => !a) / (double)channels;
        });
        return shares;
    }

    public void Dispose()
    {
        _replay.Dispose();
        _arena.Dispose();
    }

    private string LayerBefore(string path)
    {
        var found = path;
        foreach (var summary in _network.Layers)
        {
            if (summary.Path == path) break;
            if (_network.Parameters.Any(p => p.Name.StartsWith($"{summary.Path}.", StringComparison.Ordinal) && p.Name.LastIndexOf('.') == summary.Path.Length)) found = summary.Path;
        }
        return found;
    }
}

/// <summary>A layer's place, what it is, one sample's output shape, and its output over all samples, valid during the call.</summary>
public delegate void SeeLayer(string path, Layer layer, Shape shape, ReadOnlySpan<float> values);
