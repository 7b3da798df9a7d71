using DistTrain.Grains.Wire;
using Orleans.Concurrency;
using Orleans.GrainDirectory;
using Orleans.Placement;
using Orleans.Runtime;

namespace DistTrain.Grains;

/// <inheritdoc cref="ISiloGrain"/>
[KeepAlive, Immovable, HomePlacement, GrainDirectory(HomeDirectory.Name)]
internal sealed class SiloGrain(SiloNode node, JobRuns runs, Roster roster) : Grain, ISiloGrain
{
    public Task<SiloOffer> Offer() => Task.FromResult(node.Offer);

    public Task<SiloMembers> Members(string job) => Task.FromResult(runs.MembersOf(job));

    public Task<bool> Reaches(string silo) => Witnesses.AcceptsAsync(SiloAddress.FromParsableString(silo));

    public Task Deliver(ControlFrame frame)
    {
        node.Receive(frame);
        return Task.CompletedTask;
    }

    public Task Drop(string job)
    {
        runs.DropHere(job);
        return Task.CompletedTask;
    }

    public Task Leaving(string silo)
    {
        roster.RefreshAsync(SiloAddress.FromParsableString(silo)).Ignore();
        return Task.CompletedTask;
    }
}
