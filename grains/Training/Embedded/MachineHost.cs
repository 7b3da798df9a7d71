using DistTrain.Kernels;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>One protocol machine of this process: its messages wait in a queue, and whichever thread has time handles them, one thread at a time.</summary>
internal abstract class MachineHost(IMachine machine, MachineSet machines)
{
    private readonly MessageQueue _messages = new();
    private readonly EffectList _effects = new();
    private int _busy;
    private long _nextWakeTicks;

    public IMachine Machine { get; } = machine;

    protected MachineSet Machines { get; } = machines;

    public bool HasMessages => _messages.Count > 0;

    /// <summary>Messages wait and nobody is at them.</summary>
    public bool NeedsThread => HasMessages && Volatile.Read(ref _busy) == 0;

    /// <summary>As of the last message handled.</summary>
    public virtual TimeSpan NextWake => new(Volatile.Read(ref _nextWakeTicks));

    /// <summary>Adds a message; the caller then drains the machines, or has somebody do it.</summary>
    public void Post(in Message message) => _messages.Add(message);

    /// <summary>Handles what is queued unless another thread is at it (which then sees the newest message too).</summary>
    /// <returns>Whether any message was handled.</returns>
    public bool TryDrain(Device device)
    {
        var any = false;
        while (HasMessages)
        {
            if (Interlocked.CompareExchange(ref _busy, 1, 0) != 0) return any;
            try
            {
                while (_messages.TryTake(out var message))
                {
                    any = true;
                    Take(ref message);
                    Machine.Handle(message, Machines.Now, _effects);
                    for (var i = 0; i < _effects.Count; i++) Perform(_effects[i], device);
                    _effects.Clear();
                }
                Volatile.Write(ref _nextWakeTicks, Machine.NextWake.Ticks);
            }
            finally
            {
                Interlocked.Exchange(ref _busy, 0);
            }
            Machines.WakeBy(NextWake);
        }
        return any;
    }

    /// <summary>Reads the machine while no thread is at it.</summary>
    /// <returns>False where a thread was at it all along (a fifth of a second).</returns>
    public bool TryLook(Action look)
    {
        var until = Machines.Now + TimeSpan.FromMilliseconds(200);
        while (Interlocked.CompareExchange(ref _busy, 1, 0) != 0)
        {
            if (Machines.Now > until) return false;
            Thread.Yield();
        }
        try
        {
            look();
        }
        finally
        {
            Interlocked.Exchange(ref _busy, 0);
        }
        // What came meanwhile was left to this thread, which does not run machines.
        if (HasMessages) Machines.Wake();
        return true;
    }

    /// <summary>A message is about to be handled: what the host must do with its payload first.</summary>
    protected virtual void Take(ref Message message)
    {
    }

    /// <summary>Does what the machine asks for. Answers are posted back to this host, deliveries to others.</summary>
    /// <param name="device">The device of the thread that is at it.</param>
    protected abstract void Perform(in Effect effect, Device device);

    /// <summary>The host's answer to an effect: its message's incarnation, step, node and lease, from the host.</summary>
    protected Message Answer(in Effect effect, MessageKind kind) =>
        effect.Message with { Kind = kind, From = Address.Host, To = Machine.Address, Job = Machines.JobKey };
}

/// <summary>Messages in order, in a ring that grows to the most ever waiting.</summary>
internal sealed class MessageQueue
{
    private readonly Lock _gate = new();
    private Message[] _ring = new Message[16];
    private int _first;
    private int _count;

    public int Count => Volatile.Read(ref _count);

    public void Add(in Message message)
    {
        lock (_gate)
        {
            if (_count == _ring.Length)
            {
                var grown = new Message[2 * _count];
                for (var i = 0; i < _count; i++) grown[i] = _ring[(_first + i) % _ring.Length];
                (_ring, _first) = (grown, 0);
            }
            _ring[(_first + _count) % _ring.Length] = message;
            Volatile.Write(ref _count, _count + 1);
        }
    }

    public bool TryTake(out Message message)
    {
        lock (_gate)
        {
            message = default;
            if (_count == 0) return false;
            message = _ring[_first];
            _ring[_first] = default;
            _first = (_first + 1) % _ring.Length;
            Volatile.Write(ref _count, _count - 1);
            return true;
        }
    }
}
