using Orleans.Placement;
using Orleans.Runtime;
using Orleans.Runtime.Placement;

namespace DistTrain.Grains;

/// <summary>A job is taken up where it is known: by a silo that runs members of it, whose data is loaded and whose connections stand.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class JobPlacementAttribute() : PlacementAttribute(new JobPlacement());

/// <inheritdoc cref="JobPlacementAttribute"/>
[Serializable, GenerateSerializer, Immutable, Alias("disttrain.jobPlacement")]
public sealed class JobPlacement : PlacementStrategy;

/// <summary>A silo with members of the job; for a job that has none, the same silo whoever asks, spread over the cluster by the job's id.</summary>
internal sealed class JobDirector(IClusterStore store) : IPlacementDirector
{
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(2);

    public async Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
    {
        var job = target.GrainIdentity.Key.ToString() ?? "";
        var able = context.GetCompatibleSilos(target).OrderBy(s => s.ToParsableString(), StringComparer.Ordinal).ToArray();
        var knowing = able.Intersect(await SilosAsync(job)).ToArray();
        if (knowing.Length > 0) able = knowing;
        return able.Length > 0 ? able[(int)((uint)job.Aggregate(17, (hash, c) => unchecked(31 * hash + c)) % (uint)able.Length)] : throw new SiloUnavailableException($"job {job}: no silo that holds schedulers is in the cluster.");
    }

    private async Task<IEnumerable<SiloAddress>> SilosAsync(string job)
    {
        try
        {
            using var limit = new CancellationTokenSource(_limit);
            return (await MemberPlaces.ReadAsync(store, job, limit.Token)).Ready.Select(SiloAddress.FromParsableString);
        }
        catch (Exception unread) when (unread is not OutOfMemoryException)
        {
            return []; // It only saves time.
        }
    }
}
