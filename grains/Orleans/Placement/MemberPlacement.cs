using DistTrain.Grains.Wire;
using Orleans.Runtime;

namespace DistTrain.Grains;

/// <summary>What a job wants of the cluster.</summary>
/// <param name="Seats">On every silo that holds shards: one for each shard, so that any two such silos can hold them all, twice. An unused seat costs nothing.</param>
/// <param name="Workers">In all.</param>
/// <param name="Device">As the spec says: auto takes what a silo has.</param>
internal sealed record MemberNeeds(int Seats, int Workers, string Device);

/// <summary>A silo, what it offers, and what it runs of the job already.</summary>
internal sealed record SiloState(SiloAddress Silo, SiloOffer Offer, int Workers, int Seats)
{
    public IReadOnlyList<int> SeatNumbers { get; init; } = [];
}

/// <summary>Members to start on a silo.</summary>
internal sealed record MembersToStart(SiloAddress Silo, int Workers, int Seats);

/// <summary>Which silo gets which members, by what it can do: seats wherever shards are held, workers where the device fits, evenly.</summary>
internal static class MemberPlacement
{
    public static IReadOnlyList<MembersToStart> Decide(MemberNeeds needs, IReadOnlyList<SiloState> silos)
    {
        var able = silos.Where(s => !s.Offer.Leaving).ToList();
        var fits = able.Where(s => s.Offer.Workers > 0 && Fits(needs.Device, s.Offer.Device)).OrderBy(s => s.Silo.ToParsableString(), StringComparer.Ordinal).ToList();
        var workers = fits.ToDictionary(s => s.Silo, s => s.Workers);
        var total = silos.Sum(s => s.Workers);
        while (total < needs.Workers && fits.Where(s => workers[s.Silo] < s.Offer.Workers).MinBy(s => workers[s.Silo]) is { } next)
        {
            workers[next.Silo]++;
            total++;
        }
        return
        [
            .. able.Select(s => new MembersToStart(s.Silo, workers.GetValueOrDefault(s.Silo, s.Workers) - s.Workers, s.Offer.Shards ? Math.Max(0, needs.Seats - s.Seats) : 0))
                .Where(start => start.Workers > 0 || start.Seats > 0),
        ];
    }

    /// <summary>A spec names a kind of device; which of its kind, the silo says. Every silo has a CPU.</summary>
    internal static bool Fits(string wanted, string offered) => wanted is "auto" or "cpu" || Kind(wanted) == Kind(offered);

    /// <summary>Why no silo of the cluster can compute a job; null: one can, or none that computes is up yet, and the job waits for it.</summary>
    internal static string? WhyNoDevice(string wanted, IReadOnlyList<SiloOffer> offers)
    {
        var workers = offers.Where(o => o.Workers > 0 && !o.Leaving).ToList();
        if (workers.Count == 0 || workers.Any(o => Fits(wanted, o.Device))) return null;
        var here = workers.GroupBy(o => o.Device, StringComparer.Ordinal).OrderBy(g => g.Key, StringComparer.Ordinal).Select(g => $"{g.Key} ({string.Join(", ", g.Select(o => o.Name).Order(StringComparer.Ordinal))})");
        return $"cluster.device is {wanted}, which no silo of this cluster has. There are {string.Join("; ", here)}. Choose one of these or auto, or start a silo with --device {wanted} and submit again.";
    }

    /// <summary>Where a worker of the job computes on a silo.</summary>
    internal static string DeviceOn(string wanted, string offered) => wanted is "cpu" ? "cpu" : wanted is "auto" || Kind(wanted) == Kind(offered) ? offered : wanted;

    private static string Kind(string device) => device.Split(':')[0];
}
