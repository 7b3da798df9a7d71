using System.Diagnostics;

namespace DistTrain.Training;

/// <summary>Where one thread waits until another has something for it. A signal given while nobody waits is kept.</summary>
internal sealed class WakeSignal
{
    /// <summary>Longer than the hand-over between two threads that both run; shorter than anybody notices.</summary>
    public static readonly TimeSpan ShortSpin = TimeSpan.FromMicroseconds(20);

    private readonly object _gate = new();
    private bool _set;

    public void Set()
    {
        lock (_gate)
        {
            if (_set) return;
            _set = true;
            Monitor.Pulse(_gate);
        }
    }

    /// <summary>Takes the signal; spins for a while, then sleeps.</summary>
    /// <param name="timeout">Negative = without end.</param>
    public void Wait(TimeSpan timeout) => Wait(timeout, ShortSpin);

    /// <param name="timeout">Negative = without end.</param>
    /// <param name="spin">Beyond <see cref="ShortSpin"/> the core is offered to other threads between looks.</param>
    /// <param name="until">Asked while spinning: where it says so, this returns without a signal.</param>
    public void Wait(TimeSpan timeout, TimeSpan spin, Func<bool>? until = null)
    {
        var from = Stopwatch.GetTimestamp();
        for (var spent = TimeSpan.Zero; !Volatile.Read(ref _set) && spent < spin; spent = Stopwatch.GetElapsedTime(from))
        {
            if (until is not null && until()) return;
            if (spent > ShortSpin) Thread.Yield();
            Thread.SpinWait(16);
        }
        lock (_gate)
        {
            // A timeout of 24 days and more is not one for Monitor.
            if (!_set) Monitor.Wait(_gate, timeout < TimeSpan.Zero || timeout.TotalMilliseconds >= int.MaxValue ? Timeout.InfiniteTimeSpan : timeout);
            _set = false;
        }
    }
}
