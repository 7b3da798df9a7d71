using DistTrain.Protocol;

namespace DistTrain.Tests.Simulation;

// Who is there: processes begin, die, and others take their place.
internal sealed partial class World
{
    private readonly Dictionary<int, SimulatedWorker> _workers = [];
    private readonly Dictionary<int, SimulatedSeat> _seats = [];
    private readonly List<SimulatedJob> _oldJobs = [];
    private int _number;
    private ulong _instance = 1;

    internal SimulatedJob? Job { get; private set; }

    private void StartCluster(bool resume)
    {
        var shards = Scenario.Plan.Shards.Length;
        var seats = Scenario.Plan.Replicated ? 2 * shards + Random.Next(2) : shards;
        for (var i = 0; i < seats; i++) After(Random.Between(0, 5), AddSeat);
        for (var i = 0; i < Scenario.Workers; i++) After(Random.Between(0, 30), AddWorker);
        StartJob(resume);
    }

    private void StartJob(bool resume)
    {
        Job = new SimulatedJob(this, SeededRandom.Mix(Scenario.Seed, ++_instance), resume);
        Job.Begin();
    }

    internal void JobDied(SimulatedJob job)
    {
        if (job != Job) return;
        Job = null;
        After(Random.Between(5, 400), () =>
        {
            if (Job is null && !IsOver) StartJob(resume: true);
        });
    }

    /// <summary>Somebody believes that the scheduler is dead and starts another.</summary>
    internal void Succeed(SimulatedJob job)
    {
        if (Job != job || !job.IsAlive || IsOver) return;
        _oldJobs.Add(job);
        StartJob(resume: true);
    }

    internal void AddWorker()
    {
        if (IsOver) return;
        Add(new SimulatedWorker(this, ++_number, Scenario.Plan.Identity));
    }

    /// <summary>A worker whose copy of the data differs.</summary>
    internal void AddStranger() => Add(new SimulatedWorker(this, ++_number, Scenario.Plan.Identity with { Data = "e3b0c44298fc1c149afbf4c8996fb924" }));

    private void Add(SimulatedWorker worker)
    {
        _workers[_number] = worker;
        worker.Woken();
    }

    internal void AddSeat()
    {
        if (IsOver) return;
        var seat = new SimulatedSeat(this, ++_number);
        _seats[_number] = seat;
        seat.Woken();
    }

    internal void CrashWorker(SimulatedWorker worker)
    {
        worker.Crash();
        if (Random.Chance(0.5)) TellJob(worker.Address);
        After(Random.Between(10, 400), AddWorker);
    }

    internal void CrashSeat(SimulatedSeat seat)
    {
        seat.Crash();
        if (Random.Chance(0.5)) TellJob(seat.Address);
        After(Random.Between(10, 400), AddSeat);
    }

    // A closed socket is noticed at once.
    private void TellJob(Address lost)
    {
        if (Job is { } job) After(1, job, new Message { Kind = MessageKind.Lost, From = lost, To = Address.Job, Job = Scenario.Plan.Key });
    }

    internal SimulatedSeat? SeatAt(int number) => _seats.GetValueOrDefault(number);

    internal SimulatedWorker? AnyWorker() => Any(_workers.Values);

    internal SimulatedSeat? AnySeat() => Any(_seats.Values);

    private T? Any<T>(IEnumerable<T> hosts) where T : SimulatedHost
    {
        var alive = hosts.Where(static h => h.IsAlive).ToList();
        return alive.Count > 0 ? Random.Pick(alive) : null;
    }

    internal SimulatedHost? AnyHost() => Random.Next(3) switch { 0 => Job, 1 => AnySeat(), _ => AnyWorker() };

    internal Address AnyAddress() => AnyHost()?.Address ?? Address.Job;

    internal void OnEvent(JobEvent told)
    {
        EventCounts[(int)told.Kind]++;
        Trace?.Invoke($"{Now.TotalMilliseconds,10:F3} **** {told.Kind}: {told.Text}");
        if (told.Kind is JobEventKind.RolledBack or JobEventKind.StepSkipped) Count(FaultKind.NonFiniteGradient);
        if (Scenario.OneLossAtATime && told.Kind == JobEventKind.Restored) Violate($"one seat at a time was lost, yet {told.Text}");
    }

    internal void OnEnded(SimulatedJob job, JobState state, string why)
    {
        Trace?.Invoke($"{Now.TotalMilliseconds,10:F3} **** ended: {state} {why}");
        // The last messages of an ended scheduler are still answered by it; a superseded one is gone.
        if (state == JobState.Superseded)
        {
            job.Crash();
            _oldJobs.Remove(job);
            JobDied(job);
            return;
        }
        if (job.Job.Incarnation != Store.Register!.Incarnation) Violate($"{state} by a scheduler of incarnation {job.Job.Incarnation}, the register has {Store.Register.Incarnation}");
        if (state is JobState.Stopped or JobState.Paused) After(Random.Between(1, 100), () => Resume(job));
        else if (state == JobState.Succeeded) (_ended, IsOver) = (job, true);
        else if (Scenario.Plan.OnNonFinite == NonFinitePolicy.Rollback && why.Contains("after three rollbacks", StringComparison.Ordinal)) (_ended, _diverged, IsOver) = (job, true, true);
        else if (Scenario.Corrupts && why.Contains("different gradients", StringComparison.Ordinal)) (_ended, _corrupted, IsOver) = (job, true, true);
        else Violate($"the job fails: {why}");
    }

    /// <summary>Everything of the stopped run is gone; a new cluster continues from what is durable.</summary>
    private void Resume(SimulatedJob job)
    {
        job.Crash();
        foreach (var host in _workers.Values) host.Crash();
        foreach (var host in _seats.Values) host.Crash();
        foreach (var old in _oldJobs) old.Crash();
        StartCluster(resume: true);
    }
}
