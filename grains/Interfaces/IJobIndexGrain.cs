using DistTrain.Contracts;
using DistTrain.Grains.Wire;
using Orleans;
using Orleans.Concurrency;

namespace DistTrain.Grains;

/// <summary>All jobs of the cluster. What it knows is durable; any number of activations give the same answers. Key: <see cref="Key"/>.</summary>
[Alias("disttrain.jobs")]
public interface IJobIndexGrain : IGrainWithStringKey
{
    const string Key = "all";

    /// <summary>Accepts a job and starts it, or returns the one that the same submission id made before.</summary>
    /// <exception cref="RequestRefusedException">The spec is invalid (every problem listed), or the id was used for another spec.</exception>
    [AlwaysInterleave, Alias("submit")]
    Task<JobStatus> Submit(JobSubmission submission);

    /// <summary>Newest first.</summary>
    [AlwaysInterleave, Alias("list")]
    Task<JobStatus[]> List();
}
