using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>
/// How many places of the network's input, along each of its axes behind the channels, an element of a layer's output looks at: what windows, traced back to the input, span together, the largest of
/// neighbouring elements (r = r_in + (reach - 1)·j_in where nothing is enlarged). Padding counts; means and variances of normalizations do not.  Araujo, Norris, Sim 2019, doi:10.23915/distill.00021.
/// </summary>
public static class ReceptiveFields
{
    // Neighbours whose fields are compared: behind enlarged planes they differ.
    private const int Neighbours = 32;

    /// <summary>Of the layers of sequences, by their places: [width], [height, width] or [depth, height, width] as the input has them. Layers that look where values tell (attention, regions, a spatial transformer), that run in steps, or that come after such a layer or a change of axes have none.</summary>
    public static IReadOnlyDictionary<string, IReadOnlyList<int>> Of(Network network)
    {
        var found = new Dictionary<string, IReadOnlyList<int>>(StringComparer.Ordinal);
        if (network.Input.Rank is < 2 or > 4) return found;
        using var device = new CpuDevice(1);
        var tape = new Tape(device, TapeMode.Prediction, network.Input);
        tape.Finish(network.Record(tape));
        var (trace, known) = (new FieldTrace(tape), new Dictionary<(Tensor, Shape), IReadOnlyList<int>?>());
        foreach (var (path, _, output) in tape.Marks)
        {
            if (!known.TryGetValue((output.Root, output.Shape), out var field)) known[(output.Root, output.Shape)] = field = trace.Of(output, Neighbours);
            if (field is not null) found.TryAdd(path, field);
        }
        return found;
    }
}

/// <summary>Follows elements of a tape's tensors back to its input.</summary>
internal sealed class FieldTrace
{
    private readonly Tape _tape;
    private readonly Dictionary<Tensor, int> _places = [];
    private readonly List<(int From, NodeField Field)[]?> _edges = [];
    private readonly List<bool> _sees = [];

    public FieldTrace(Tape tape)
    {
        _tape = tape;
        foreach (var node in tape.Nodes)
        {
            var edges = new List<(int, NodeField)>();
            var (told, sees) = (true, false);
            for (var i = 0; i < node.Edges.Length; i++)
            {
                var (tensor, field) = (node.Edges[i].Tensor, node.FieldOf(i));
                told &= field is not null && IsTold(tensor);
                if (!told) break;
                var from = tensor.Root == tape.Input ? -1 : _places[tensor.Root];
                sees |= field == NodeField.Whole || (from >= 0 && _sees[from]);
                edges.Add((from, field!));
            }
            _places[node.Output] = _edges.Count;
            _edges.Add(told ? [.. edges] : null);
            _sees.Add(told && sees);
        }
    }

    /// <summary>null: it is not defined.</summary>
    public IReadOnlyList<int>? Of(Tensor output, int neighbours)
    {
        if (!IsTold(output)) return null;
        var (input, shape) = (_tape.Input.Shape, output.Shape.Rank == 1 ? output.Root.Shape : output.Shape);
        var sizes = new int[input.Rank - 1];
        for (var axis = 0; axis < sizes.Length; axis++)
        {
            var behind = sizes.Length - axis; // the width is 1, the height 2, the depth 3
            var count = shape.Rank > behind ? shape[-behind] : 1;
            for (var at = Math.Max(0, (count - neighbours) / 2); at < Math.Min(count, (count + neighbours) / 2 + 1); at++)
            {
                var range = output.Root == _tape.Input ? new AxisRange(at, at) : Back(_places[output.Root], behind, at);
                sizes[axis] = Math.Max(sizes[axis], range.IsWhole ? input[-behind] : range.High - range.Low + 1);
            }
        }
        return sizes;
    }

    // What sees everything may have any axes; elsewhere a change of axes may move neighbours apart.
    private bool IsTold(Tensor tensor) =>
        tensor.Root == _tape.Input ? Keeps(tensor.Root.Shape, tensor.Shape) : _edges[_places[tensor.Root]] is not null && (_sees[_places[tensor.Root]] || Keeps(tensor.Root.Shape, tensor.Shape));

    private AxisRange Back(int node, int behind, int at)
    {
        var (ranges, input) = (new AxisRange?[node + 1], new AxisRange(1, 0));
        ranges[node] = new(at, at);
        for (var i = node; i >= 0; i--)
        {
            if (ranges[i] is not { IsEmpty: false } range) continue;
            foreach (var (from, field) in _edges[i]!)
            {
                var seen = range.IsWhole ? range : (behind switch { 1 => field.Width, 2 => field.Height, _ => field.Depth })(range);
                if (from < 0) input = input.With(seen);
                else ranges[from] = ranges[from]?.With(seen) ?? seen;
            }
        }
        return input;
    }

    // As a vector, as a line that is a plane of one row, with the depth among the channels, or with the plane as one axis (pooling of volumes).
    private static bool Keeps(Shape from, Shape to)
    {
        if (from == to || to.Rank == 1) return true;
        var (less, more) = from.Rank < to.Rank ? (from, to) : (to, from);
        if (less.Rank == 2) return more.Rank == 3 && more[1] == 1 && more[0] == less[0] && more[2] == less[1];
        if (less.Rank < 3) return false;
        return (less[-2] == more[-2] && less[-1] == more[-1]) || (to.Rank == 3 && from.Rank == 3 && to[2] == from[1] * from[2]) || (more.Rank == 4 && more[0] == less[0] && more[1] == less[1] && less[2] == more[2] * more[3]);
    }
}
