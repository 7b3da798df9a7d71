using DistTrain.Protocol;

namespace DistTrain.Tests.Simulation;

/// <summary>What became of one kind of message.</summary>
internal struct Traffic
{
    internal long Sent, Dropped, Repeated, Delayed, Reordered, CutOff;

    internal readonly Traffic Plus(in Traffic other) => new()
    {
        Sent = Sent + other.Sent, Dropped = Dropped + other.Dropped, Repeated = Repeated + other.Repeated,
        Delayed = Delayed + other.Delayed, Reordered = Reordered + other.Reordered, CutOff = CutOff + other.CutOff,
    };
}

/// <summary>Loses, repeats, delays, reorders and cuts off messages.</summary>
internal sealed class SimulatedNetwork(World world)
{
    private readonly List<(Address? From, Address? To, TimeSpan Until)> _cuts = [];
    private readonly Dictionary<(Address, Address), TimeSpan> _latest = [];
    private readonly double _drop = world.Random.Between(0, 0.02);
    private readonly double _repeat = world.Random.Between(0, 0.03);
    private readonly double _late = world.Random.Between(0, 0.03);

    internal Traffic[] Traffic { get; } = new Traffic[Enum.GetValues<MessageKind>().Length];

    internal TimeSpan StormUntil { get; set; }

    internal void Isolate(Address node, bool both, TimeSpan until)
    {
        var outward = world.Random.Chance(0.5);
        if (both || outward) _cuts.Add((node, null, until));
        if (both || !outward) _cuts.Add((null, node, until));
    }

    internal void Cut(Address from, Address to, TimeSpan until) => _cuts.Add((from, to, until));

    internal void Send(in Message message)
    {
        ref var traffic = ref Traffic[(int)message.Kind];
        traffic.Sent++;
        if (IsCut(message.From, message.To))
        {
            traffic.CutOff++;
            return;
        }
        var storm = world.Now < StormUntil;
        if (world.Random.Chance(storm ? 0.25 : _drop))
        {
            traffic.Dropped++;
            return;
        }
        Schedule(message, storm, ref traffic);
        if (!world.Random.Chance(storm ? 0.25 : _repeat)) return;
        traffic.Repeated++;
        Schedule(Copy(message), storm, ref traffic);
    }

    private void Schedule(in Message message, bool storm, ref Traffic traffic)
    {
        var delay = world.Random.Between(0.05, 0.8);
        if (world.Random.Chance(storm ? 0.3 : _late))
        {
            traffic.Delayed++;
            delay += world.Random.Chance(0.1) ? world.Random.Between(100, 1200) : world.Random.Between(2, 60);
        }
        var at = world.Now + TimeSpan.FromMilliseconds(delay);
        var pair = (message.From, message.To);
        if (_latest.TryGetValue(pair, out var latest) && at < latest) traffic.Reordered++;
        else _latest[pair] = at;
        world.Arrive(delay, message);
    }

    // What is repeated on a wire arrives as bytes of its own.
    private static Message Copy(in Message message) => message.Payload switch
    {
        Gradient gradient => message with { Payload = gradient.Copy() },
        ShardState { Memory: SeatMemory memory } state => message with { Payload = state with { Memory = new SeatMemory([.. memory.Weights], [.. memory.Momentum]) } },
        _ => message,
    };

    private bool IsCut(Address from, Address to)
    {
        for (var i = _cuts.Count - 1; i >= 0; i--)
        {
            if (_cuts[i].Until < world.Now) _cuts.RemoveAt(i);
            else if ((_cuts[i].From is null || _cuts[i].From == from) && (_cuts[i].To is null || _cuts[i].To == to)) return true;
        }
        return false;
    }
}
