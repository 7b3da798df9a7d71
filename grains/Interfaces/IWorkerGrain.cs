using DistTrain.Grains.Wire;
using Orleans;
using Orleans.Concurrency;

namespace DistTrain.Grains;

/// <summary>One worker of one job, on the silo that its key names (<see cref="MemberKey"/>): its loop runs on a dedicated thread of that silo, the grain only forwards.</summary>
[Alias("disttrain.worker")]
public interface IWorkerGrain : IGrainWithStringKey
{
    /// <summary>Starts the worker if this silo does not run it yet.</summary>
    /// <param name="order">A job order, written by grains/Orleans.</param>
    [Alias("start")]
    Task Start(ControlFrame order);

    /// <summary>A message of the job or a shard to the worker's machine.</summary>
    [OneWay, AlwaysInterleave, Alias("deliver")]
    Task Deliver(ControlFrame frame);
}
