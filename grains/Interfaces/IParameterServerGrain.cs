using DistTrain.Grains.Wire;
using Orleans;
using Orleans.Concurrency;

namespace DistTrain.Grains;

/// <summary>A seat for one parameter shard of one job, as primary or replica, on the silo that its key names (<see cref="MemberKey"/>). The shard's memory is the silo's; the grain only forwards.</summary>
[Alias("disttrain.parameterServer")]
public interface IParameterServerGrain : IGrainWithStringKey
{
    /// <summary>Offers the seat to the job if this silo does not yet.</summary>
    /// <param name="order">A job order, written by grains/Orleans.</param>
    [Alias("start")]
    Task Start(ControlFrame order);

    /// <summary>A message of the job, a worker or the other copy of the shard to the seat's machine.</summary>
    [OneWay, AlwaysInterleave, Alias("deliver")]
    Task Deliver(ControlFrame frame);
}
