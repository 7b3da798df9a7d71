using DistTrain.Protocol;

namespace DistTrain.Tests.Simulation;

/// <summary>Everything that goes wrong on purpose.</summary>
internal enum FaultKind
{
    WorkerCrash, WorkerCrashMidCompute, WorkerCrashMidPush, WorkerStall, WorkerStallMidCompute, WorkerStallMidPush, WorkerJoins, WorkerRetires, WorkerSlows, UserCodeThrows,
    SeatCrash, SeatStall, PrimaryAndReplicaCrash,
    SchedulerCrash, SchedulerCrashMidSend, SchedulerStallWithSuccessor,
    PartitionTwoWay, PartitionOneWay, LinkCut, Storm,
    ClockSkew,
    CheckpointTorn, CheckpointLost, CheckpointDiskFull, ManifestLost, StoreDown, RegisterDown,
    SetLearningRate, SetClipNorm, StopAndResume, NonFiniteGradient, CorruptRepeat, StrangeWorker,
}

/// <summary>Makes faults happen in a world; each begins when the job has committed some step, and everything heals.</summary>
internal sealed class Faults(World world)
{
    private static readonly FaultKind[] Drawn = [.. Enum.GetValues<FaultKind>().Where(f => f is not (FaultKind.UserCodeThrows or FaultKind.NonFiniteGradient or FaultKind.CorruptRepeat))];

    private readonly List<(long Step, FaultKind Kind)> _plan = [];

    private SeededRandom Random => world.Random;

    internal void Draw(int count, long steps)
    {
        for (var i = 0; i < count; i++) _plan.Add((Random.Next(0, (int)steps - 2), Random.Pick(Drawn)));
        if (world.Scenario.Corrupts) _plan.Add((steps / 2, FaultKind.CorruptRepeat));
        if (world.Scenario.OneLossAtATime)
        {
            _plan.Clear();
            for (var step = 4; step < steps - 4; step += 8) _plan.Add((step, Random.Pick([FaultKind.SeatCrash, FaultKind.SeatCrash, FaultKind.SchedulerCrash, FaultKind.SchedulerCrashMidSend])));
        }
        _plan.Sort();
    }

    /// <summary>Begins whatever is due at this number of committed steps.</summary>
    internal void At(long committed)
    {
        // Some faults find nobody, or wait for a moment that does not come: at least ten happen in every run.
        if (committed >= world.Scenario.Plan.TotalSteps - 4 && !world.Scenario.OneLossAtATime)
            for (var counted = world.FaultCounts.Sum(); counted < 10; counted++) Begin(FaultKind.WorkerCrash);
        while (_plan.Count > 0 && _plan[0].Step <= committed)
        {
            var kind = _plan[0].Kind;
            _plan.RemoveAt(0);
            world.After(Random.Between(0, 15), () => Begin(kind));
        }
    }

    private TimeSpan Long => TimeSpan.FromMilliseconds(Random.Between(30, 900));

    private void Begin(FaultKind kind)
    {
        world.Trace?.Invoke($"{world.Now.TotalMilliseconds,10:F3} ---- {kind}");
        if (Do(kind) && !IsArmed(kind)) world.Count(kind);
    }

    /// <summary>Counted when the worker comes to that point.</summary>
    private static bool IsArmed(FaultKind kind) =>
        kind is FaultKind.WorkerCrashMidCompute or FaultKind.WorkerCrashMidPush or FaultKind.WorkerStallMidCompute or FaultKind.WorkerStallMidPush;

    private bool Do(FaultKind kind)
    {
        var worker = world.AnyWorker();
        var seat = world.AnySeat();
        switch (kind)
        {
            case FaultKind.WorkerCrash when worker is not null: world.CrashWorker(worker); return true;
            case FaultKind.WorkerCrashMidCompute when worker is not null: worker.Armed = kind; return true;
            case FaultKind.WorkerCrashMidPush when worker is not null: worker.Armed = kind; return true;
            case FaultKind.WorkerStallMidCompute when worker is not null: worker.Armed = kind; return true;
            case FaultKind.WorkerStallMidPush when worker is not null: worker.Armed = kind; return true;
            case FaultKind.WorkerStall when worker is not null: worker.StalledUntil = world.Now + Long; return true;
            case FaultKind.CorruptRepeat: world.CorruptNext = true; return false;
            case FaultKind.StrangeWorker: world.AddStranger(); return true;
            case FaultKind.WorkerJoins: world.AddWorker(); return true;
            case FaultKind.WorkerSlows when worker is not null: worker.Slowness *= Random.Between(5, 40); return true;
            case FaultKind.WorkerRetires when worker is not null:
                world.After(0, worker, new Message { Kind = MessageKind.Retire, From = Address.Host, To = worker.Address, Job = world.Scenario.Plan.Key });
                world.After(Random.Between(20, 200), world.AddWorker);
                return true;
            case FaultKind.SeatCrash or FaultKind.SchedulerCrash or FaultKind.SchedulerCrashMidSend when world.Scenario.OneLossAtATime && !world.IsFullyReplicated(): world.After(10, () => Begin(kind)); return false;
            case FaultKind.SeatCrash when seat is not null: world.CrashSeat(seat); return true;
            case FaultKind.SeatStall when seat is not null: seat.StalledUntil = world.Now + Long; return true;
            case FaultKind.PrimaryAndReplicaCrash: return CrashBoth();
            case FaultKind.SchedulerCrash when world.Job is { } job: job.Crash(); world.JobDied(job); return true;
            case FaultKind.SchedulerCrashMidSend when world.Job is { } job: job.DiesWhileSending = true; return true;
            case FaultKind.SchedulerStallWithSuccessor when world.Job is { } job:
                job.StalledUntil = world.Now + TimeSpan.FromMilliseconds(Random.Between(100, 1500));
                world.After(Random.Between(10, 300), () => world.Succeed(job));
                return true;
            case FaultKind.PartitionTwoWay: world.Network.Isolate(world.AnyAddress(), both: true, world.Now + Long); return true;
            case FaultKind.PartitionOneWay: world.Network.Isolate(world.AnyAddress(), both: false, world.Now + Long); return true;
            case FaultKind.LinkCut: world.Network.Cut(world.AnyAddress(), world.AnyAddress(), world.Now + Long); return true;
            case FaultKind.Storm: world.Network.StormUntil = world.Now + TimeSpan.FromMilliseconds(Random.Between(20, 300)); return true;
            case FaultKind.ClockSkew: world.AnyHost()?.Skew(Random.Between(0.5, 2), TimeSpan.FromMilliseconds(Random.Chance(0.5) ? 0 : Random.Between(0, 2000))); return true;
            case FaultKind.CheckpointTorn when seat is not null: seat.NextSnapshot = SimulatedSeat.DiskFault.Torn; return true;
            case FaultKind.CheckpointLost when seat is not null: seat.NextSnapshot = SimulatedSeat.DiskFault.Lost; return true;
            case FaultKind.CheckpointDiskFull when seat is not null: seat.NextSnapshot = SimulatedSeat.DiskFault.Full; return true;
            case FaultKind.ManifestLost: return LoseManifest();
            case FaultKind.StoreDown: world.Store.IsDown = true; world.After(Long.TotalMilliseconds, () => world.Store.IsDown = false); return true;
            case FaultKind.RegisterDown: world.Store.RegisterIsDown = true; world.After(Long.TotalMilliseconds, () => world.Store.RegisterIsDown = false); return true;
            case FaultKind.SetLearningRate: world.Client.Command(ControlKind.SetLearningRate, Random.Between(0.001, 0.1)); return true;
            case FaultKind.SetClipNorm: world.Client.Command(ControlKind.SetClipNorm, Random.Chance(0.2) ? 0 : Random.Between(0.3, 4)); return true;
            case FaultKind.StopAndResume: world.Client.Command(ControlKind.Stop, 0); return true;
            default: return false;
        }
    }

    private bool CrashBoth()
    {
        if (world.Job?.Job.Register?.Placement is not { Shards.Length: > 0 } placement) return false;
        var seats = placement.Shards[Random.Next(placement.Shards.Length)];
        foreach (var number in new[] { seats.Primary, seats.Replica })
            if (world.SeatAt(number) is { IsAlive: true } seat) world.CrashSeat(seat);
        return true;
    }

    private bool LoseManifest()
    {
        if (world.Store.Names is not { Count: > 0 } names) return false;
        world.TornCheckpoints.Add(names[^1]);
        world.Store.LoseManifest(names[^1]);
        return true;
    }
}
