using DistTrain.Protocol;

namespace DistTrain.Tests.Simulation;

/// <summary>The seeded single-threaded event loop that drives all machines of one run.</summary>
internal sealed partial class World
{
    private readonly record struct Happening(SimulatedHost? Host, long Wake, Message Message, Action? Action);

    private readonly PriorityQueue<Happening, (TimeSpan, long)> _events = new();
    private readonly Faults _faults;
    private long _sequence;

    internal World(Scenario scenario, Planted? planted = null, Action<string>? trace = null)
    {
        (Scenario, Planted, Trace) = (scenario, planted ?? Planted.Nothing, trace);
        Random = new SeededRandom(SeededRandom.Mix(scenario.Seed, 3));
        Arithmetic = new Arithmetic(scenario);
        Network = new SimulatedNetwork(this);
        Client = new SimulatedClient(this);
        _faults = new Faults(this);
    }

    internal Scenario Scenario { get; }
    internal Planted Planted { get; }
    internal Action<string>? Trace { get; }
    internal SeededRandom Random { get; }
    internal Arithmetic Arithmetic { get; }
    internal SimulatedNetwork Network { get; }
    internal SimulatedStore Store { get; } = new();
    internal SimulatedClient Client { get; }
    internal HashSet<CheckpointName> TornCheckpoints { get; } = [];
    internal long[] FaultCounts { get; } = new long[Enum.GetValues<FaultKind>().Length];
    internal long[] EventCounts { get; } = new long[Enum.GetValues<JobEventKind>().Length];

    /// <summary>The next accepted push is repeated with other bits.</summary>
    internal bool CorruptNext { get; set; }

    /// <summary>Units of a pipeline that were run, and leases that a worker ran alone.</summary>
    internal long UnitsForward { get; set; }
    internal long UnitsBackward { get; set; }
    internal long LeasesAlone { get; set; }

    internal TimeSpan Now { get; private set; }
    internal long Handled { get; private set; }
    internal bool IsOver { get; private set; }

    /// <summary>Runs the job to its end and compares it with the oracle.</summary>
    /// <exception cref="SimulationViolation">A promise was broken, or the job did not end in ten simulated minutes.</exception>
    internal void Run()
    {
        _faults.Draw(Scenario.Faults, Scenario.Plan.TotalSteps);
        StartCluster(resume: false);
        while (!IsOver)
        {
            if (!_events.TryDequeue(out var happening, out var at)) Violate($"nothing is left to happen: {Job?.Job.Why()}");
            Now = at.Item1;
            if (Now > TimeSpan.FromMinutes(10)) Violate($"hangs: {Job?.Job.Why() ?? "no scheduler"}");
            Happen(happening);
        }
        CheckEnd();
    }

    private void Happen(in Happening happening)
    {
        if (happening.Action is { } action)
        {
            action();
            return;
        }
        var host = happening.Host;
        if (happening.Wake >= 0)
        {
            if (!host!.IsAlive || host.WakeGeneration != happening.Wake) return;
            if (Now < host.StalledUntil) Enqueue(host.StalledUntil, happening);
            else host.Woken();
            return;
        }
        host ??= Route(happening.Message);
        if (host is null || !host.IsAlive) return;
        if (Now < host.StalledUntil)
        {
            Enqueue(host.StalledUntil + TimeSpan.FromMicroseconds(Random.Next(500)), happening with { Host = host });
            return;
        }
        Handled++;
        host.Handle(happening.Message);
    }

    private SimulatedHost? Route(in Message message)
    {
        switch (message.To.Role)
        {
            case Role.Job: return _oldJobs.Count > 0 && Random.Chance(0.2) ? Random.Pick(_oldJobs) : Job;
            case Role.Seat: return SeatAt(message.To.Number);
            case Role.Worker: return _workers.GetValueOrDefault(message.To.Number);
            case Role.Client: Client.Answered(message); return null;
            default: return null;
        }
    }

    private void Enqueue(TimeSpan at, in Happening happening) => _events.Enqueue(happening, (at, ++_sequence));

    internal void After(double milliseconds, Action action) => Enqueue(Now + TimeSpan.FromMilliseconds(milliseconds), new Happening(null, -1, default, action));

    /// <summary>Tries until the store is up.</summary>
    internal void AfterStore(double milliseconds, Action action) => After(milliseconds, () =>
    {
        if (Store.IsDown) AfterStore(20, action);
        else action();
    });

    internal void After(double milliseconds, SimulatedHost host, in Message message) => Enqueue(Now + TimeSpan.FromMilliseconds(milliseconds), new Happening(host, -1, message, null));

    internal void Arrive(double milliseconds, in Message message) => Enqueue(Now + TimeSpan.FromMilliseconds(milliseconds), new Happening(null, -1, message, null));

    internal void Wake(TimeSpan wait, SimulatedHost host, long generation) => Enqueue(Now + wait, new Happening(host, generation, default, null));

    internal void Send(SimulatedHost from, in Message message)
    {
        if (from is SimulatedJob job && message.Kind is MessageKind.Ended && job.Job.State == JobState.Superseded) Violate("a superseded scheduler ends the job");
        if (message.Kind == MessageKind.Behind) Violate($"{from.Address} cannot open what it is told to open");
        Network.Send(message);
    }

    internal void Count(FaultKind fault) => FaultCounts[(int)fault]++;

    internal void Violate(string what) => throw new SimulationViolation($"seed {Scenario.Seed}, {Now.TotalMilliseconds:F3} ms: {what}");
}
