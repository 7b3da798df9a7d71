using DistTrain.Contracts;
using DistTrain.Grains.Wire;
using Orleans;
using Orleans.Concurrency;

namespace DistTrain.Grains;

/// <summary>One training job. It owns the job's machine, waits and forwards; it computes nothing. Key: the job's id.</summary>
/// <remarks>Two activations may exist for a moment after a failure: safety rests on the job's register, never on there being one.</remarks>
[Alias("disttrain.job")]
public interface IJobGrain : IGrainWithStringKey
{
    /// <summary>Trains the job if it has not ended; returns at once when it already does. Every silo that works for a job calls this when it misses the job.</summary>
    [Alias("ensure")]
    Task Ensure();

    /// <summary>Resolves a spec as this job would, data and all, on a silo that trains.</summary>
    /// <exception cref="RequestRefusedException">Every problem of the spec.</exception>
    [AlwaysInterleave, Alias("check")]
    Task Check(string document);

    /// <exception cref="RequestRefusedException">No such job.</exception>
    [AlwaysInterleave, Alias("status")]
    Task<JobStatus> Status();

    /// <summary>The spec as accepted, with every default, as YAML.</summary>
    [AlwaysInterleave, Alias("spec")]
    Task<string> Spec();

    /// <summary>Finish the step, save, end. Returns when the command is recorded.</summary>
    [Alias("stop")]
    Task<JobStatus> Stop(string commandId);

    /// <summary>Every wait now, the one that holds the job up first.</summary>
    [AlwaysInterleave, Alias("why")]
    Task<WaitReport[]> Why();

    /// <summary>Newest first.</summary>
    [AlwaysInterleave, Alias("checkpoints")]
    Task<CheckpointReport[]> Checkpoints();

    [AlwaysInterleave, Alias("members")]
    Task<JobMembers> Members();
}
