using System.Text.Json;
using Orleans.GrainDirectory;
using Orleans.Runtime;

namespace DistTrain.Grains;

/// <summary>
/// Which activation holds a job or its metrics, in the cluster's store: it outlives every silo, and changes by compare-and-swap. Orleans' own directory forgets, and ends, activations whose
/// entries were on a silo that died; a job would move for nothing. A holder that this membership has never heard of is none: it was one of a cluster that has ended.
/// </summary>
internal sealed class JobDirectory(IClusterStore store, Func<IClusterMembershipService> membership, Func<SiloAddress> local) : IGrainDirectory
{
    public const string Name = "disttrain-jobs";
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(10);

    private sealed record Entry(string Activation, string Silo, long Membership);

    public Task<GrainAddress?> Register(GrainAddress address) => Register(address, null);

    public async Task<GrainAddress?> Register(GrainAddress address, GrainAddress? previousAddress)
    {
        using var limit = new CancellationTokenSource(_limit);
        // A name that is no job is not written down; its activation answers that there is none, and goes.
        if (await store.ReadAsync(StoreKind.Job, address.GrainId.Key.ToString() ?? "", limit.Token).ConfigureAwait(false) is null) return address;
        while (true)
        {
            var key = KeyOf(address.GrainId);
            var now = await store.ReadAsync(StoreKind.Holder, key, limit.Token).ConfigureAwait(false);
            var holder = await KnownAsync(Parse(address.GrainId, now), previousAddress, limit.Token).ConfigureAwait(false);
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
        if (now is null || !Same(Parse(address.GrainId, now), address)) return;
        var (written, _) = await store.WriteAsync(StoreKind.Holder, now.Key, "", now.Revision, limit.Token).ConfigureAwait(false);
        // Of a job that has ended nothing stays. One that registers at this very moment is lost with it, and found again by its next caller: it only reads.
        if (written && await store.ReadAsync(StoreKind.End, address.GrainId.Key.ToString() ?? "", limit.Token).ConfigureAwait(false) is not null)
            await store.RemoveAsync(StoreKind.Holder, now.Key, limit.Token).ConfigureAwait(false);
    }

    public async Task<GrainAddress?> Lookup(GrainId grainId)
    {
        using var limit = new CancellationTokenSource(_limit);
        return await KnownAsync(Parse(grainId, await store.ReadAsync(StoreKind.Holder, KeyOf(grainId), limit.Token).ConfigureAwait(false)), null, limit.Token).ConfigureAwait(false);
    }

    // A holder on a dead silo is replaced when the job is next asked for.
    public Task UnregisterSilos(List<SiloAddress> siloAddresses) => Task.CompletedTask;

    // Versions of another membership compare with nothing, so Orleans' own look for dead silos does not find these. A silo joins the membership's table before it
    // registers anything: who is not in the table when that is read after the entry is not in the cluster. What is dead in the table is Orleans' to replace.
    private async Task<GrainAddress?> KnownAsync(GrainAddress? holder, GrainAddress? previous, CancellationToken cancellation)
    {
        if (holder is null || Same(holder, previous)) return holder;
        var members = membership();
        if (IsKnown(members.CurrentSnapshot, holder.SiloAddress!)) return holder;
        try
        {
            // Twice, as the first may join a reading that had begun before the entry was read.
            for (var i = 0; i < 2 && !IsKnown(members.CurrentSnapshot, holder.SiloAddress!); i++) await members.Refresh(cancellationToken: cancellation).ConfigureAwait(false);
        }
        catch (Exception unread) when (unread is OrleansException or TimeoutException or OperationCanceledException or IOException or System.Data.Common.DbException)
        {
            return holder; // Nobody can say; it is asked again.
        }
        return IsKnown(members.CurrentSnapshot, holder.SiloAddress!) ? holder : null;
    }

    // A silo that is not active yet may not have seen the others.
    private bool IsKnown(ClusterMembershipSnapshot members, SiloAddress silo) => members.GetSiloStatus(silo) != SiloStatus.None || members.GetSiloStatus(local()) != SiloStatus.Active;

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
