using DistTrain.Grains.Wire;
using Orleans.Concurrency;
using Orleans.GrainDirectory;
using Orleans.Placement;

namespace DistTrain.Grains;

/// <inheritdoc cref="IParameterServerGrain"/>
[Immovable, HomePlacement, GrainDirectory(HomeDirectory.Name)]
internal sealed class ParameterServerGrain(SiloNode node, JobRuns runs) : Grain, IParameterServerGrain
{
    public Task Start(ControlFrame order) => runs.StartSeatHere(ControlFormat.ReadOrder(order), MemberKey.Parse(this.GetPrimaryKeyString()).Number);

    public Task Deliver(ControlFrame frame)
    {
        node.Receive(frame);
        return Task.CompletedTask;
    }
}
