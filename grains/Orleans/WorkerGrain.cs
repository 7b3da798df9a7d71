using DistTrain.Grains.Wire;
using Orleans.Concurrency;
using Orleans.GrainDirectory;
using Orleans.Placement;

namespace DistTrain.Grains;

/// <inheritdoc cref="IWorkerGrain"/>
[Immovable, HomePlacement, GrainDirectory(HomeDirectory.Name)]
internal sealed class WorkerGrain(SiloNode node, JobRuns runs) : Grain, IWorkerGrain
{
    public Task Start(ControlFrame order) => runs.StartWorkerHere(ControlFormat.ReadOrder(order), MemberKey.Parse(this.GetPrimaryKeyString()).Number);

    public Task Deliver(ControlFrame frame)
    {
        node.Receive(frame);
        return Task.CompletedTask;
    }
}
