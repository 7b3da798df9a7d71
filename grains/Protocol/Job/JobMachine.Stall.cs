namespace DistTrain.Protocol;

// A scheduler that stood still (a stopped process, a paused machine, a long collection of garbage, a starved thread) has heard nobody because it did not listen.
public sealed partial class JobMachine
{
    /// <summary>
    /// The machine wants to be run at every heartbeat. Where it is run later than that, silence meanwhile says nothing about the others: all that counts up to a limit
    /// counts from later, by as much. What came meanwhile is still in the queue, and is heard next.
    /// </summary>
    private void DiscountOwnStall()
    {
        var stall = _now - _checkAt;
        if (stall <= _plan.Limits.Heartbeat) return;
        for (var i = 0; i < _workers.Count; i++) _workers[i].Heard = Later(_workers[i].Heard, stall);
        for (var i = 0; i < _seats.Count; i++) _seats[i].Heard = Later(_seats[i].Heard, stall);
        (_phaseSince, _workersSince) = (Later(_phaseSince, stall), Later(_workersSince, stall));
        _leases.Delay(stall);
        _saver.Delay(stall);
        if (stall > _plan.Limits.Silence) Report(JobEventKind.SchedulerStalled, $"this scheduler stood still for {stall.TotalSeconds:F1} s; nobody is taken for lost because of it");
    }

    private TimeSpan Later(TimeSpan time, TimeSpan by) => time + by < _now ? time + by : _now;
}
