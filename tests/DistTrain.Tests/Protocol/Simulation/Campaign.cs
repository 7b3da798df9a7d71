using System.Globalization;
using System.Text;
using DistTrain.Protocol;

namespace DistTrain.Tests.Simulation;

/// <summary>Many seeds, two at a time (each run is single-threaded), with their counts added up.</summary>
internal sealed class Campaign
{
    private readonly long[] _faults = new long[Enum.GetValues<FaultKind>().Length];
    private readonly long[] _events = new long[Enum.GetValues<JobEventKind>().Length];
    private readonly Traffic[] _traffic = new Traffic[Enum.GetValues<MessageKind>().Length];
    private readonly Lock _adding = new();

    internal List<(ulong Seed, string Text)> Violations { get; } = [];

    internal long Runs { get; private set; }

    internal long FewestFaults { get; private set; } = long.MaxValue;

    internal long this[FaultKind fault] => _faults[(int)fault];

    internal long UnitsForward { get; private set; }

    internal long UnitsBackward { get; private set; }

    internal long LeasesAlone { get; private set; }

    internal Traffic this[MessageKind kind] => _traffic[(int)kind];

    internal static Campaign Run(ulong from, ulong count, Planted? planted = null, Func<Scenario, Scenario>? change = null)
    {
        var campaign = new Campaign();
        Parallel.For((long)from, (long)(from + count), new ParallelOptions { MaxDegreeOfParallelism = 2 }, seed => campaign.Add((ulong)seed, planted, change));
        return campaign;
    }

    private void Add(ulong seed, Planted? planted, Func<Scenario, Scenario>? change)
    {
        var scenario = Scenario.Draw(seed);
        var world = new World(change is null ? scenario : change(scenario), planted);
        string? text = null;
        try
        {
            world.Run();
        }
        catch (Exception e) when (e is SimulationViolation or NullReferenceException or ArgumentException or IndexOutOfRangeException or InvalidOperationException)
        {
            text = e is SimulationViolation ? e.Message : $"seed {seed}: {e}";
        }
        lock (_adding)
        {
            if (text is not null) Violations.Add((seed, $"{text}\n  again, with its trace: DISTTRAIN_SEED={seed} dotnet test --filter Simulated_run_of_one_seed"));
            else if (world.WentThrough) FewestFaults = Math.Min(FewestFaults, world.FaultCounts.Sum());
            Runs++;
            (UnitsForward, UnitsBackward, LeasesAlone) = (UnitsForward + world.UnitsForward, UnitsBackward + world.UnitsBackward, LeasesAlone + world.LeasesAlone);
            for (var i = 0; i < _faults.Length; i++) _faults[i] += world.FaultCounts[i];
            for (var i = 0; i < _events.Length; i++) _events[i] += world.EventCounts[i];
            for (var i = 0; i < _traffic.Length; i++) _traffic[i] = _traffic[i].Plus(world.Network.Traffic[i]);
        }
    }

    /// <summary>Counts per fault, per message kind and per event.</summary>
    internal string Table()
    {
        var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"{Runs} runs, {Violations.Count} violations\n");
        foreach (var fault in Enum.GetValues<FaultKind>()) text.Append(CultureInfo.InvariantCulture, $"{fault,-28}{_faults[(int)fault],9}\n");
        text.Append(CultureInfo.InvariantCulture, $"{"message",-20}{"sent",10}{"dropped",9}{"repeated",9}{"delayed",9}{"reordered",10}{"cut off",9}\n");
        foreach (var kind in Enum.GetValues<MessageKind>())
        {
            var t = _traffic[(int)kind];
            if (t.Sent > 0) text.Append(CultureInfo.InvariantCulture, $"{kind,-20}{t.Sent,10}{t.Dropped,9}{t.Repeated,9}{t.Delayed,9}{t.Reordered,10}{t.CutOff,9}\n");
        }
        foreach (var told in Enum.GetValues<JobEventKind>()) text.Append(CultureInfo.InvariantCulture, $"event {told,-22}{_events[(int)told],9}\n");
        if (UnitsForward > 0) text.Append(CultureInfo.InvariantCulture, $"pipeline: {UnitsForward} units forward, {UnitsBackward} backward, {LeasesAlone} leases run by one worker alone\n");
        return text.ToString();
    }
}
