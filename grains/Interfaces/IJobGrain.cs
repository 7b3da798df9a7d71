using DistTrain.Contracts;
using Orleans;

namespace DistTrain.Grains;

/// <summary>One training job. It owns the job's machine, waits and forwards; it computes nothing. Key: the job's identity.</summary>
[Alias("disttrain.job")]
public interface IJobGrain : IGrainWithStringKey
{
    [Alias("status")]
    ValueTask<JobStatus> Status();

    /// <summary>One sentence: what the job waits for, from whom, since when, until when.</summary>
    [Alias("why")]
    ValueTask<string> Why();
}
