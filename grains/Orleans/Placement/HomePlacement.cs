using Orleans.GrainDirectory;
using Orleans.Metadata;
using Orleans.Placement;
using Orleans.Runtime;
using Orleans.Runtime.Placement;

namespace DistTrain.Grains;

/// <summary>The grain lives on the silo that its key names: what it stands for is in that silo's memory.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class HomePlacementAttribute() : PlacementAttribute(new HomePlacement());

/// <inheritdoc cref="HomePlacementAttribute"/>
[Serializable, GenerateSerializer, Immutable, Alias("disttrain.home")]
public sealed class HomePlacement : PlacementStrategy;

/// <summary>Picks the silo of the key, or refuses: a member is never activated anywhere else.</summary>
internal sealed class HomeDirector : IPlacementDirector
{
    public Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
    {
        var home = HomeOf(target.GrainIdentity.Key.ToString() ?? "");
        return context.GetCompatibleSilos(target).Contains(home)
            ? Task.FromResult(home)
            : throw new SiloUnavailableException($"{target.GrainIdentity} lives on {home}, which is not in the cluster or does not host such grains.");
    }

    /// <summary>The whole key of a silo's grain; what follows the first @ in that of a member.</summary>
    internal static SiloAddress HomeOf(string key) => key.Contains('/', StringComparison.Ordinal) ? MemberKey.Parse(key).Silo : SiloAddress.FromParsableString(key);
}

/// <summary>
/// The directory of grains whose key names their silo: it knows nothing, so that no call waits for the part of a directory that died with a silo, and no
/// activation is ended because its directory entry was there. A silo runs one activation of a grain whoever asks; and these hold no state.
/// </summary>
internal sealed class HomeDirectory : IGrainDirectory
{
    public const string Name = "disttrain-home";

    public Task<GrainAddress?> Register(GrainAddress address) => Task.FromResult<GrainAddress?>(address);

    public Task<GrainAddress?> Register(GrainAddress address, GrainAddress? previousAddress) => Task.FromResult<GrainAddress?>(address);

    public Task Unregister(GrainAddress address) => Task.CompletedTask;

    public Task<GrainAddress?> Lookup(GrainId grainId) => Task.FromResult<GrainAddress?>(null);

    public Task UnregisterSilos(List<SiloAddress> siloAddresses) => Task.CompletedTask;
}
