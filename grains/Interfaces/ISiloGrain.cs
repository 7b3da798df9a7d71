using DistTrain.Grains.Wire;
using Orleans;
using Orleans.Concurrency;

namespace DistTrain.Grains;

/// <summary>One silo that trains, for the others: what it offers, what it holds of a job, and the way in for control messages that are for no worker or seat. Key: the silo's address.</summary>
[Alias("disttrain.silo")]
public interface ISiloGrain : IGrainWithStringKey
{
    [AlwaysInterleave, Alias("offer")]
    Task<SiloOffer> Offer();

    /// <summary>Numbers of the workers and seats of a job that this silo runs.</summary>
    [AlwaysInterleave, Alias("members")]
    Task<SiloMembers> Members(string job);

    /// <summary>Whether this silo reaches another's process now.</summary>
    /// <param name="silo">The other's address.</param>
    [AlwaysInterleave, Alias("reaches")]
    Task<bool> Reaches(string silo);

    /// <summary>A message for the node as a whole, or for a job's scheduler on it.</summary>
    [OneWay, AlwaysInterleave, Alias("deliver")]
    Task Deliver(ControlFrame frame);

    /// <summary>The job has ended: nothing of it is needed here any more.</summary>
    [OneWay, AlwaysInterleave, Alias("drop")]
    Task Drop(string job);

    /// <summary>A silo has begun to leave: what it offers is asked for again.</summary>
    [OneWay, AlwaysInterleave, Alias("leaving")]
    Task Leaving(string silo);
}
