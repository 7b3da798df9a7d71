namespace DistTrain.Contracts;

/// <summary>Where a job stands, as lists and status calls show it.</summary>
/// <param name="Job">The job's identity.</param>
/// <param name="State">queued, running, paused, stopping, succeeded, failed or stopped.</param>
/// <param name="Step">Committed steps.</param>
/// <param name="TotalSteps">Steps of the whole job.</param>
/// <param name="TrainLoss">Loss of the last committed step; NaN before the first.</param>
/// <param name="TestLoss">Loss of the last committed evaluation; NaN before the first.</param>
/// <param name="Workers">Workers alive now.</param>
public sealed record JobStatus(string Job, string State, long Step, long TotalSteps, double TrainLoss, double TestLoss, int Workers);
