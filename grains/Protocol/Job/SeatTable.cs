namespace DistTrain.Protocol;

/// <summary>A seat that has been heard of.</summary>
internal sealed class SeatEntry(int number)
{
    internal int Number { get; } = number;
    internal TimeSpan Heard { get; set; }

    /// <summary>Which process it is in, as it says; 0 = unknown.</summary>
    internal ulong Host { get; set; }

    /// <summary>When it was last given up although it may live: not chosen again at once.</summary>
    internal TimeSpan GivenUp { get; set; } = TimeSpan.MinValue;
}

/// <summary>Seats that announce themselves, by number.</summary>
internal sealed class SeatTable
{
    private readonly List<SeatEntry> _seats = [];

    internal int Count => _seats.Count;

    internal SeatEntry this[int index] => _seats[index];

    internal SeatEntry? Find(int number)
    {
        foreach (var seat in _seats)
            if (seat.Number == number) return seat;
        return null;
    }

    internal SeatEntry Hear(int number, TimeSpan now)
    {
        var seat = Find(number);
        if (seat is null)
        {
            seat = new SeatEntry(number);
            var at = 0;
            while (at < _seats.Count && _seats[at].Number < number) at++;
            _seats.Insert(at, seat);
        }
        seat.Heard = now;
        return seat;
    }

    internal void Remove(int number) => _seats.RemoveAll(s => s.Number == number);

    /// <summary>
    /// A live seat that the placement does not use and that was not given up lately; of those the one whose host has the fewest seats taken, then the lowest number. -1: none.
    /// </summary>
    /// <param name="apartFrom">A seat on whose host it must not be; -1 for none.</param>
    internal int Free(Placement placement, HashSet<int> taken, int apartFrom, TimeSpan now, TimeSpan silence)
    {
        var (best, least) = (-1, int.MaxValue);
        foreach (var seat in _seats)
        {
            var given = seat.GivenUp != TimeSpan.MinValue && now - seat.GivenUp < 2 * silence;
            if (given || now - seat.Heard > silence || placement.Uses(seat.Number) || taken.Contains(seat.Number) || !IsApart(seat, apartFrom)) continue;
            var load = LoadOf(seat.Host, taken);
            if (load < least) (best, least) = (seat.Number, load);
        }
        return best;
    }

    // While the other's host is not known yet, a seat with a known one waits: it may be the same.
    private bool IsApart(SeatEntry seat, int other) => other < 0 || seat.Host == 0 || (Find(other)?.Host is { } host && host != 0 && host != seat.Host);

    private int LoadOf(ulong host, HashSet<int> taken)
    {
        var load = 0;
        if (host == 0) return load;
        foreach (var seat in _seats)
            if (seat.Host == host && taken.Contains(seat.Number)) load++;
        return load;
    }
}
