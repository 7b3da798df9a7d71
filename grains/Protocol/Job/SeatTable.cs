namespace DistTrain.Protocol;

/// <summary>A seat that has been heard of.</summary>
internal sealed class SeatEntry(int number)
{
    internal int Number { get; } = number;
    internal TimeSpan Heard { get; set; }

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

    /// <summary>A live seat that the placement does not use and that was not given up lately; -1: none.</summary>
    internal int Free(Placement placement, HashSet<int> taken, TimeSpan now, TimeSpan silence)
    {
        foreach (var seat in _seats)
        {
            var given = seat.GivenUp != TimeSpan.MinValue && now - seat.GivenUp < 2 * silence;
            if (!given && now - seat.Heard <= silence && !placement.Uses(seat.Number) && !taken.Contains(seat.Number)) return seat.Number;
        }
        return -1;
    }
}
