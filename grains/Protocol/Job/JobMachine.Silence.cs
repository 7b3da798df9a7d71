namespace DistTrain.Protocol;

// Who has not been heard for too long is lost; but a scheduler that stood still (a stopped process, a paused machine, a long collection of garbage, a starved thread) has heard nobody because it did not listen.
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

    private void CheckSilence()
    {
        for (var i = _workers.Count - 1; i >= 0; i--)
            if (_now - _workers[i].Heard > _plan.Limits.Silence) LoseWorker(_workers[i], JobEventKind.WorkerLost, $"nothing heard for {(_now - _workers[i].Heard).TotalSeconds:F1} s");
        for (var i = _seats.Count - 1; i >= 0; i--)
        {
            if (i >= _seats.Count || _now - _seats[i].Heard <= PatienceWith(_seats[i].Number)) continue;
            var seat = _seats[i];
            _seats.Remove(seat.Number);
            SeatIsGone(seat.Number, $"nothing heard for {(_now - seat.Heard).TotalSeconds:F1} s");
            if (_phase == Phase.Ended) return;
        }
    }

    /// <summary>Without the last copy of a shard everything goes back to a checkpoint. A node that is gone is told of by its connection; one that is only slow is worth a longer wait.</summary>
    private TimeSpan PatienceWith(int seat)
    {
        if (_record is null || !Placed.Uses(seat)) return _plan.Limits.Silence;
        var seats = Placed.Shards[Placed.Of(seat).Shard];
        var other = seats.Primary == seat ? seats.Replica : seats.Primary;
        return _plan.Replicated && !Lives(other) ? _plan.Limits.LastCopy : _plan.Limits.Silence;
    }

    private void SeatIsGone(int seat, string why)
    {
        if (_record is null || !Placed.Uses(seat) || _phase is Phase.Reading or Phase.Ending or Phase.Ended) return;
        var (shard, primary) = Placed.Of(seat);
        Report(JobEventKind.SeatLost, $"seat {seat}, {(primary ? "primary" : "replica")} of shard {shard}, is lost: {why}");
        RaiseIncarnation($"seat {seat} is lost");
    }

    private void LoseUnanswered()
    {
        for (var slot = 0; slot < _slots.Length; slot++)
        {
            if (!IsPlaced(slot) || _slots[slot].Answered) continue;
            var seat = SeatOf(slot).Number;
            if (_now - _phaseSince <= PatienceWith(seat)) continue;
            if (_seats.Find(seat) is { } entry) entry.GivenUp = _now;
            SeatIsGone(seat, $"no answer for {(_now - _phaseSince).TotalSeconds:F1} s");
            return;
        }
    }

    private TimeSpan Later(TimeSpan time, TimeSpan by) => time + by < _now ? time + by : _now;
}
