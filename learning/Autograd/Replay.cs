using System.Diagnostics;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>Runs a finished tape on batches of any size: memory is planned at a size's first use, then nothing is allocated.</summary>
/// <remarks>One thread at a time. Plans of the most recent sizes are kept; all share one arena.</remarks>
internal sealed class Replay : IDisposable
{
    private const int KeptPlans = 64;

    private readonly Tape _tape;
    private readonly Arena _arena;
    private readonly Frame _frame;
    private readonly IVector _vector;
    private readonly SharedGradients? _shared;
    private readonly List<MemoryPlan> _plans = [];
    private readonly (int Offset, int Length)[] _silent;
    private readonly Node[] _nodes;
    private MemoryPlan _plan = null!;

    public Replay(Tape tape, ParameterLayout layout, Arena arena)
    {
        (_tape, _arena, _frame, Layout) = (tape, arena, new Frame(tape), layout);
        _vector = tape.Device.Op<IVector>();
        if (tape.SharedParameters.Count > 0) _shared = new SharedGradients(tape.Device, tape.SharedParameters);
        _nodes = [.. tape.Nodes.Skip(tape.Run.First).Take(tape.Run.End - tape.Run.First)];
        _silent = [.. Silent()];
    }

    public ParameterLayout Layout { get; }

    /// <summary>Set while somebody measures: what each node takes.</summary>
    public NodeClock? Clock { get; set; }

    public Tape Tape => _tape;

    public Frame Frame => _frame;

    public Arena Arena => _arena;

    /// <summary>Makes room for a batch: afterwards <see cref="Frame"/> shows its input, target and sample indexes, to be written.</summary>
    public void Prepare(Segments segments, View weights, View gradient)
    {
        _plan = Plan(segments.Samples, segments.Count);
        _frame.Open(_arena.Elements(_plan.Total), _plan, weights, gradient);
        _frame.Window(segments, 0, 0);
    }

    /// <summary>Called after each node has run forward, while its output is whole; null: nobody looks.</summary>
    public Action<Node>? Seen { get; set; }

    public View Input => _frame.Of(_tape.Entering.Value!);

    /// <summary>Of a part of a tape: what the nodes after it are given, and its gradient, to be written before Backward.</summary>
    public View Leaving => _frame.Of(_tape.Leaving!.Value!);

    public View LeavingGradient => _frame.Of(_tape.Leaving!.Gradient!);

    /// <summary>Of a part of a tape that does not begin with the samples: the gradient of what came in, after Backward.</summary>
    public View EnteringGradient => _frame.Of(_tape.Entering.Gradient!);

    public View Output => _frame.Of(_tape.Output!.Root.Value!);

    public void Forward()
    {
        _shared?.Begin(_frame.Segments.Count);
        foreach (var node in _nodes)
        {
            Run(node, forward: true);
            Seen?.Invoke(node);
        }
    }

    /// <summary>After Forward in training: every element of the gradient is overwritten, but for the metrics, which the loss has added to.</summary>
    public void Backward(View gradient)
    {
        for (var i = _nodes.Length - 1; i >= 0; i--)
        {
            if (!_nodes[i].RunsBackward || _nodes[i] is LossNode) continue;
            Run(_nodes[i], forward: false);
            foreach (var edge in _nodes[i].Edges)
                if (edge.Part is { } part) _vector.Add(_frame.Of(part), _frame.Of(edge.Tensor.Root.Gradient!));
        }
        _shared?.Fold(_frame.Segments, gradient);
    }

    /// <summary>Zeroes padding, metrics and the slices of parameters that no node uses.</summary>
    public void ClearSilent(View gradient)
    {
        foreach (var (offset, length) in _silent) _vector.Fill(gradient.Part(offset, length), 0f);
    }

    /// <summary>The same for elements [first, end) of the flat vector only.</summary>
    public void ClearSilent(View gradient, int first, int end)
    {
        foreach (var (offset, length) in _silent)
            if (Math.Min(end, offset + length) - Math.Max(first, offset) is > 0 and var part) _vector.Fill(gradient.Part(Math.Max(first, offset), part), 0f);
    }

    public void Dispose() => _shared?.Dispose();

    private void Run(Node node, bool forward)
    {
        var start = Clock is null ? 0 : Stopwatch.GetTimestamp();
        Turn(node, forward);
        Clock?.Add(node, forward, Stopwatch.GetTimestamp() - start);
    }

    private void Turn(Node node, bool forward)
    {
        _frame.Show(node);
        if (node is LossNode loss)
        {
            End(loss);
            return;
        }
        if (!node.BySegment)
        {
            if (forward) node.Forward(_frame);
            else node.Backward(_frame);
            return;
        }
        var all = _frame.Segments;
        _frame.Redirect = _shared;
        for (var s = 0; s < all.Count; s++)
        {
            _shared!.Enter(s);
            _frame.Window(_shared.Single(all.End(s) - all.Start(s)), all.Start(s), s);
            if (forward) node.Forward(_frame);
            else node.Backward(_frame);
            _shared.Leave();
        }
        _shared!.Close();
        _frame.Redirect = null;
        _frame.Window(all, 0, 0);
    }

    // Forward only: a loss writes its input's gradient at once.
    private void End(LossNode node)
    {
        var step = _frame.Metrics;
        if (node.Figures is { } own)
        {
            _frame.Metrics = _frame.Memory(own);
            _vector.Fill(_frame.Metrics, 0f);
        }
        node.Forward(_frame);
        _frame.Metrics = step;
        if (_frame.Terms == Terms.Sides && _frame.InputGradient() is { IsNone: false } gradient) _vector.Fill(gradient, 0f);
    }

    private MemoryPlan Plan(int samples, int segments)
    {
        for (var i = _plans.Count - 1; i >= 0; i--)
            if (_plans[i].Samples == samples && _plans[i].Segments == segments) return _plans[i];
        if (_plans.Count == KeptPlans) _plans.RemoveAt(0);
        var plan = new MemoryPlan(_tape.Regions, samples, segments);
        _plans.Add(plan);
        return plan;
    }

    private IEnumerable<(int Offset, int Length)> Silent()
    {
        var used = _nodes.Where(n => n.RunsBackward).SelectMany(n => n.Parameters).Select(p => p.Slice).ToHashSet();
        var (start, end) = (0, 0); // the stretch of silent elements that is growing
        for (var i = 0; i < Layout.Slices.Count; i++)
        {
            var slice = Layout.Slices[i];
            var next = i + 1 < Layout.Slices.Count ? Layout.Slices[i + 1].Offset : Layout.Length;
            if (used.Contains(slice))
            {
                if (end > start) yield return (start, end - start);
                start = slice.Offset + slice.Length;
            }
            end = next;
        }
        if (end > start) yield return (start, end - start);
    }
}

/// <summary>The memory that a replica's tapes share: only one runs at a time.</summary>
internal sealed class Arena(Device device) : IDisposable
{
    private DeviceBuffer _buffer = device.Allocate(0);

    /// <summary>At least that many elements. Growing loses what was there.</summary>
    public View Elements(int count)
    {
        if (_buffer.Length >= count) return _buffer.View;
        _buffer.Dispose();
        _buffer = device.Allocate(count);
        return _buffer.View;
    }

    public void Dispose() => _buffer.Dispose();
}
