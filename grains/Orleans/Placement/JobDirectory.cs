using System.Text.Json;
using Orleans.GrainDirectory;
using Orleans.Runtime;

namespace DistTrain.Grains;

/// <summary>
/// Which activation holds a job or its metrics, in the cluster's store: it outlives every silo, and changes by compare-and-swap. Orleans' own directory forgets, and ends, activations whose
/// entries were on a silo that died; a job would move for nothing.
/// </summary>
internal sealed class JobDirectory(IClusterStore store) : IGrainDirectory
{
    public const string Name = "disttrain-jobs";
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(10);

    private sealed record Entry(string Activation, string Silo, long Membership);

    public Task<GrainAddress?> Register(GrainAddress address) => Register(address, null);

    public async Task<GrainAddress?> Register(GrainAddress address, GrainAddress? previousAddress)
    {
        using var limit = new CancellationTokenSource(_limit);
        while (true)
        {
            var key = KeyOf(address.GrainId);
            var now = await store.ReadAsync(StoreKind.Holder, key, limit.Token).ConfigureAwait(false);
            var holder = Parse(address.GrainId, now);
            if (holder is not null && !Same(holder, previousAddress)) return holder;
            var text = JsonSerializer.Serialize(new Entry(address.ActivationId.ToParsableString(), address.SiloAddress!.ToParsableString(), address.MembershipVersion.Value));
            var (written, _) = await store.WriteAsync(StoreKind.Holder, key, text, now?.Revision ?? 0, limit.Token).ConfigureAwait(false);
            if (written) return address;
        }
    }

    public async Task Unregister(GrainAddress address)
    {
        using var limit = new CancellationTokenSource(_limit);
        var now = await store.ReadAsync(StoreKind.Holder, KeyOf(address.GrainId), limit.Token).ConfigureAwait(false);
        // Where another was faster, there is nothing to take back.
        if (now is not null && Same(Parse(address.GrainId, now), address)) await store.WriteAsync(StoreKind.Holder, now.Key, "", now.Revision, limit.Token).ConfigureAwait(false);
    }

    public async Task<GrainAddress?> Lookup(GrainId grainId)
    {
        using var limit = new CancellationTokenSource(_limit);
        return Parse(grainId, await store.ReadAsync(StoreKind.Holder, KeyOf(grainId), limit.Token).ConfigureAwait(false));
    }

    // A holder on a dead silo is replaced when the job is next asked for.
    public Task UnregisterSilos(List<SiloAddress> siloAddresses) => Task.CompletedTask;

    // The job's grain and its metrics' have the same key.
    private static string KeyOf(GrainId grain) => $"{grain.Type}.{grain.Key}";

    private static bool Same(GrainAddress? one, GrainAddress? other) => one is not null && other is not null && one.ActivationId.Equals(other.ActivationId) && Equals(one.SiloAddress, other.SiloAddress);

    private static GrainAddress? Parse(GrainId grain, StoredText? stored) => stored is { Text.Length: > 0 } && JsonSerializer.Deserialize<Entry>(stored.Text) is { } entry
        ? new GrainAddress
        {
            GrainId = grain, ActivationId = ActivationId.FromParsableString(entry.Activation), SiloAddress = SiloAddress.FromParsableString(entry.Silo), MembershipVersion = new MembershipVersion(entry.Membership),
        }
        : null;
}
