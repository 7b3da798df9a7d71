using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>
/// Gradients of parameters that several nodes use: each micro-batch sums its contributions in the order in which the nodes run, and only then
/// do micro-batches meet in the tree, so the sum is the same however micro-batches are leased.
/// </summary>
internal sealed class SharedGradients : IDisposable
{
    private readonly Device _device;
    private readonly IReadOnlyList<Parameter> _parameters;
    private readonly int[] _offsets;
    private readonly int _length;
    private readonly bool[] _started;
    private readonly bool[] _touched;
    private readonly ITreeFold _fold;
    private readonly IVector _vector;
    private readonly Dictionary<int, Segments> _single = [];
    private DeviceBuffer _sums;
    private DeviceBuffer _part;
    private int[] _stack = [];
    private int _segment;

    public SharedGradients(Device device, IReadOnlyList<Parameter> parameters)
    {
        (_device, _parameters) = (device, parameters);
        (_fold, _vector) = (device.Op<ITreeFold>(), device.Op<IVector>());
        _offsets = new int[parameters.Count];
        for (var i = 0; i < parameters.Count; i++)
        {
            _offsets[i] = _length;
            _length += (parameters[i].Shape.Length + 15) / 16 * 16;
        }
        _started = new bool[parameters.Count];
        _touched = new bool[parameters.Count];
        _sums = device.Allocate(_length);
        _part = device.Allocate(_length);
    }

    /// <summary>One segment of that many samples.</summary>
    public Segments Single(int samples) => _single.TryGetValue(samples, out var one) ? one : _single[samples] = Segments.One(samples);

    public void Begin(int segments)
    {
        if (_sums.Length < segments * _length)
        {
            _sums.Dispose();
            _sums = _device.Allocate(segments * _length);
            _stack = new int[segments];
        }
        if (_stack.Length < segments) _stack = new int[segments];
        Array.Clear(_started);
    }

    /// <summary>The node about to run writes into its own copy for segment <paramref name="segment"/>.</summary>
    public void Enter(int segment)
    {
        _segment = segment;
        Array.Clear(_touched);
    }

    public View Target(Parameter parameter)
    {
        var index = IndexOf(parameter);
        _touched[index] = true;
        return _started[index] ? Part(_part.View, index) : Sum(index, _segment);
    }

    /// <summary>Adds what the node wrote for this segment.</summary>
    public void Leave()
    {
        for (var i = 0; i < _touched.Length; i++)
        {
            if (!_touched[i] || !_started[i]) continue;
            if (_parameters[i].Kind == SliceKind.Moments) _fold.Moments(Sum(i, _segment), Part(_part.View, i));
            else _vector.Add(Part(_part.View, i), Sum(i, _segment));
        }
    }

    /// <summary>After a node's last segment: later nodes add to what it started.</summary>
    public void Close()
    {
        for (var i = 0; i < _touched.Length; i++) _started[i] |= _touched[i];
    }

    /// <summary>Folds the micro-batches' sums in the tree into the gradient.</summary>
    public void Fold(Segments segments, View gradient)
    {
        for (var i = 0; i < _parameters.Count; i++)
        {
            var target = gradient.Part(_parameters[i].Slice.Offset, _parameters[i].Slice.Length);
            if (!_started[i]) continue;
            var depth = 0;
            for (var s = 0; s < segments.Count; s++)
            {
                _stack[depth++] = s;
                for (var merges = segments.MergesAfter(s); merges > 0; merges--, depth--)
                {
                    var (left, right) = (Sum(i, _stack[depth - 2]), Sum(i, _stack[depth - 1]));
                    if (_parameters[i].Kind == SliceKind.Moments) _fold.Moments(left, right);
                    else _fold.Sum(left, right);
                }
            }
            _vector.Copy(Sum(i, 0), target);
        }
    }

    public void Dispose()
    {
        _sums.Dispose();
        _part.Dispose();
    }

    private View Sum(int index, int segment) => _sums.View.Part(segment * _length + _offsets[index], _parameters[index].Shape.Length);

    private View Part(View whole, int index) => whole.Part(_offsets[index], _parameters[index].Shape.Length);

    private int IndexOf(Parameter parameter)
    {
        for (var i = 0; i < _parameters.Count; i++)
            if (ReferenceEquals(_parameters[i], parameter)) return i;
        throw new InvalidOperationException($"parameter {parameter.Name} is not among the shared ones of this tape.");
    }
}
