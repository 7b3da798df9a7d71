using System.Diagnostics;

namespace DistTrain.Training;

/// <summary>Where one thread waits until another has something for it. A signal given while nobody waits is kept.</summary>
internal sealed class WakeSignal
{
    // Longer than the hand-over between two threads that both run; shorter than anybody notices.
    private static readonly long _spinTicks = Stopwatch.Frequency * 20 / 1_000_000;

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

    /// <summary>Takes the signal; spins for at most 20 microseconds, then sleeps.</summary>
    /// <param name="timeout">Negative = without end.</param>
    public void Wait(TimeSpan timeout)
    {
        var until = Stopwatch.GetTimestamp() + _spinTicks;
        while (!Volatile.Read(ref _set) && Stopwatch.GetTimestamp() < until) Thread.SpinWait(16);
        lock (_gate)
        {
            // A timeout of 24 days and more is not one for Monitor.
            if (!_set) Monitor.Wait(_gate, timeout < TimeSpan.Zero || timeout.TotalMilliseconds >= int.MaxValue ? Timeout.InfiniteTimeSpan : timeout);
            _set = false;
        }
    }
}
