using DistTrain.Kernels;

namespace DistTrain.Training;

/// <summary>A worker process's end of its lane: tasks come one at a time, the next when the last is answered.</summary>
internal sealed class WorkerTasks : ILaneReceiver
{
    private readonly object _gate = new();
    private IWorkerRole? _role;
    private WorkerTask? _task;
    private bool _isOver;

    /// <summary>Waits for the next task; null: the parent is gone.</summary>
    public WorkerTask? Take()
    {
        lock (_gate)
        {
            while (_task is null && !_isOver) Monitor.Wait(_gate);
            var task = _task;
            _task = null;
            return task;
        }
    }

    /// <summary>From now on payloads go where this role says.</summary>
    public void Become(IWorkerRole? role)
    {
        lock (_gate) _role = role;
    }

    public string? Opening(LaneStream stream, ReadOnlySpan<byte> greeting) => "a worker process takes no streams";

    public int PlacesFor(LaneStream stream, ReadOnlySpan<byte> control, int payloadBytes, Span<View> places)
    {
        lock (_gate) return (_role ?? throw new LaneFormatException("weights come to a worker that was not told what to run.")).PlacesFor(WorkerTask.Read(control), places);
    }

    public void Received(LaneStream stream, LaneMessage message)
    {
        using var taken = message;
        var task = WorkerTask.Read(message.Control);
        lock (_gate)
        {
            if (_task is { } waiting && task.Kind != WorkerTaskKind.Leave) throw new LaneFormatException($"{task.Kind} comes while {waiting.Kind} waits. A task comes when the last is answered.");
            _task = task;
            Monitor.PulseAll(_gate);
        }
    }

    public void Closed(LaneStream stream, string why)
    {
        lock (_gate)
        {
            _isOver = true;
            Monitor.PulseAll(_gate);
        }
    }
}
