using System.Text.Json;
using Orleans.Runtime;

namespace DistTrain.Grains;

/// <summary>Where the members of a job are; in the cluster's store, for whoever takes the job up when the silo that knew is gone.</summary>
/// <param name="Seats">By number, the silo.</param>
/// <param name="Ready">Silos on which members run, not only begin to: the job's data is loaded there and their connections stand.</param>
internal sealed record MemberPlaces(IReadOnlyDictionary<int, string> Seats, IReadOnlyList<string> Ready)
{
    public static MemberPlaces None { get; } = new(new Dictionary<int, string>(), []);

    /// <summary>Seats on silos that are not active members of the cluster, by this membership.</summary>
    public IReadOnlyList<int> SeatsLost(ClusterMembershipSnapshot membership) =>
        [.. Seats.Where(s => membership.GetSiloStatus(SiloAddress.FromParsableString(s.Value)) is SiloStatus.Dead or SiloStatus.None).Select(s => s.Key)];

    public bool Same(MemberPlaces other) => Ready.Order(StringComparer.Ordinal).SequenceEqual(other.Ready.Order(StringComparer.Ordinal))
        && Seats.Count == other.Seats.Count && Seats.All(p => other.Seats.TryGetValue(p.Key, out var silo) && silo == p.Value);

    public static async Task<MemberPlaces> ReadAsync(IClusterStore store, string job, CancellationToken cancellation) =>
        await store.ReadAsync(StoreKind.Places, job, cancellation).ConfigureAwait(false) is { Text.Length: > 0 } stored && JsonSerializer.Deserialize<MemberPlaces>(stored.Text) is { } places ? places : None;

    /// <summary>What is written by another scheduler meanwhile is replaced: it is a hint, and the newest scheduler knows best.</summary>
    public async Task WriteAsync(IClusterStore store, string job, CancellationToken cancellation)
    {
        for (var (written, tries) = (false, 0); !written && tries < 3; tries++)
        {
            var now = await store.ReadAsync(StoreKind.Places, job, cancellation).ConfigureAwait(false);
            (written, _) = await store.WriteAsync(StoreKind.Places, job, JsonSerializer.Serialize(this), now?.Revision ?? 0, cancellation).ConfigureAwait(false);
        }
    }
}
