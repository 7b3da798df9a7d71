using DistTrain.Kernels;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>Has tree nodes computed by a worker process at the other end of a lane: one task, one answer. Weights go with a task where they have changed.</summary>
internal sealed partial class RemoteComputer : IComputer
{
    private readonly LaneStream _stream;
    private readonly ChildProcess _child;
    private readonly int _number;
    private readonly int _length;
    private readonly int _shards;
    private readonly WeightCopies _weights;
    private readonly object _gate = new();
    private readonly byte[] _control = new byte[WorkerTask.Bytes];
    private long _sent = -1;
    private (int Stages, int First, int Count) _role;
    private bool _hasRole;
    private HeldVector? _leaving;
    private long _stamp;
    private WorkerTask _asked;
    private View _activation;
    private View _gradient;
    private bool _isAsked;
    private WorkerTask? _answer;
    private string _failure = "";
    private string? _end;
    private int _letGo;

    /// <param name="stream">Its Tag becomes this: what comes over it goes to <see cref="Answered"/>, <see cref="PlacesFor"/> and <see cref="Closed"/>.</param>
    /// <param name="length">Elements of the flat vector.</param>
    public RemoteComputer(LaneStream stream, ChildProcess child, int number, int length, int shards, WeightCopies weights)
    {
        (_stream, _child, _number, _length, _shards, _weights) = (stream, child, number, length, shards, weights);
        stream.Tag = this;
        if (!stream.IsOpen) Closed("it closed its stream");
    }

    /// <summary>The run is over: a call that waits for the other side ends at once, and none begins. From any thread.</summary>
    public void LetGo()
    {
        Interlocked.Exchange(ref _letGo, 1);
        lock (_gate)
            if (!_isAsked) return;
        _stream.Link.Close("the run is over");
    }

    public void Gradient(long step, TreeNode node, DeviceBuffer gradient)
    {
        Become(default);
        Ask(WithWeights(new WorkerTask(WorkerTaskKind.Gradient, step, node, Gradient: gradient.Length), 0, _length, 0, _shards), View.None, View.None, gradient.View);
    }

    public EvaluationTotals Evaluate(long version, TreeNode node)
    {
        Become(default);
        return Ask(WithWeights(new WorkerTask(WorkerTaskKind.Evaluate, version, node), 0, _length, 0, _shards), View.None, View.None, View.None).Totals;
    }

    /// <summary>Where the payload of the answer goes. On the link's thread.</summary>
    public int PlacesFor(ReadOnlySpan<byte> control, Span<View> places)
    {
        lock (_gate)
        {
            CheckAwaited(WorkerTask.Read(control));
            var count = 0;
            if (_activation.Length > 0) places[count++] = _activation;
            if (_gradient.Length > 0) places[count++] = _gradient;
            return count;
        }
    }

    /// <summary>An answer is here whole. On the link's thread.</summary>
    public void Answered(LaneMessage message)
    {
        using var taken = message;
        lock (_gate)
        {
            var answer = WorkerTask.Read(message.Control);
            CheckAwaited(answer);
            if (answer.Kind == WorkerTaskKind.Failed) _failure = WorkerTask.TextOf(message.Control);
            else if (message.PayloadBytes != (long)sizeof(float) * ((long)_activation.Length + _gradient.Length)) throw Wrong(answer);
            (_answer, _isAsked) = (answer, false);
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Nothing more comes, and nothing is written any more to where an answer was to go. On the link's thread.</summary>
    public void Closed(string why)
    {
        lock (_gate)
        {
            _end = why;
            Monitor.PulseAll(_gate);
        }
    }

    public void Dispose()
    {
        Span<byte> control = stackalloc byte[WorkerTask.Bytes];
        new WorkerTask(WorkerTaskKind.Leave, 0, default).Write(control);
        _stream.Post(control);
        // The process ends its side once it has read that, or is ended here.
        _child.Dispose();
        _stream.Link.Close("the worker process has ended");
        _leaving?.Release();
    }

    // The task with what must go with it; the copy is held until the answer is here.
    private WorkerTask WithWeights(in WorkerTask task, int offset, int length, int firstShard, int endShard)
    {
        var stamp = _sent;
        var copy = _weights.Take(task.Step, offset, length, firstShard, endShard, ref stamp);
        if (copy is null) return task;
        // What the other side holds until it has answered is no version.
        (_sent, _leaving, _stamp) = (-1, copy, stamp);
        return task with { Weights = length };
    }

    private WorkerTask Ask(in WorkerTask task, View given, View activation, View gradient)
    {
        lock (_gate)
        {
            if (_end is not null || Volatile.Read(ref _letGo) != 0) throw Lost();
            (_asked, _activation, _gradient, _answer, _isAsked) = (task, activation, gradient, null, true);
        }
        try
        {
            Send(task, given);
            var answer = Await();
            if (task.Weights > 0) _sent = _stamp;
            return answer.Kind != WorkerTaskKind.Failed ? answer : throw new InvalidOperationException($"worker {_number}: {_failure}");
        }
        finally
        {
            _leaving?.Release();
            _leaving = null;
        }
    }

    private void Send(in WorkerTask task, View given)
    {
        task.Write(_control);
        if (_leaving is { } weights && given.Length > 0) _stream.Send(_control, [weights.View, given]);
        else if (_leaving is { } alone) _stream.Send(_control, [alone.View]);
        else if (given.Length > 0) _stream.Send(_control, [given]);
        else _stream.Send(_control, []);
    }

    // What ends this wait: the answer, the end of the process, or silence for longer than the lane allows.
    private WorkerTask Await()
    {
        lock (_gate)
        {
            while (_answer is null && _end is null) Monitor.Wait(_gate);
            _isAsked = false;
            return _answer ?? throw Lost();
        }
    }

    private void CheckAwaited(in WorkerTask answer)
    {
        if (!_isAsked || answer.Step != _asked.Step || answer.Node != _asked.Node || (answer.Kind != _asked.Kind && answer.Kind != WorkerTaskKind.Failed)) throw Wrong(answer);
    }

    private LaneFormatException Wrong(in WorkerTask answer) =>
        new($"worker {_number} answers {_asked.Kind} of step {_asked.Step}, micro-batches {_asked.Node}, with {answer.Kind} of step {answer.Step}, micro-batches {answer.Node}, {answer.Activation} elements of activation and {answer.Gradient} of gradient.");

    private WorkerLostException Lost() =>
        new($"worker {_number} (process {_child.Id}) is gone", null, () => $"worker {_number} (process {_child.Id}) {_child.Describe()}");
}
