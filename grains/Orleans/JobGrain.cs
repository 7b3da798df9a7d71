using DistTrain.Contracts;
using DistTrain.Grains.Wire;
using DistTrain.Training.Specs;
using Orleans.Concurrency;
using Orleans.GrainDirectory;
using Orleans.Placement;

namespace DistTrain.Grains;

/// <inheritdoc cref="IJobGrain"/>
/// <remarks>Of a job that runs, it is asked for every few seconds by every silo; of one that has ended, Orleans lets it go when nobody has asked for a while, and its place is no longer written down.</remarks>
[Immovable, GrainDirectory(JobDirectory.Name)]
internal sealed class JobGrain(JobRuns runs, JobResolver resolver, EndedJobs ended) : Grain, IJobGrain
{
    private static readonly TimeSpan _commandLimit = TimeSpan.FromSeconds(20);

    private string Job => this.GetPrimaryKeyString();

    public Task Ensure() => runs.EnsureAsync(Job);

    public async Task Check(string document)
    {
        try
        {
            await resolver.CheckAsync(Job, document);
        }
        catch (SpecException wrong)
        {
            throw new RequestRefusedException(ClusterError.Invalid, [.. wrong.Problems.Select(p => p.ToString())]);
        }
    }

    public Task<JobStatus> Status() => runs.StatusAsync(Job);

    public async Task<string> Spec() => (await runs.EntryAsync(Job)).Spec;

    public async Task<JobStatus> Stop(string commandId)
    {
        await runs.EnsureAsync(Job);
        if (runs.Find(Job) is { HasEnded: false } run)
        {
            try
            {
                await run.Hosted.StopAsync(commandId).WaitAsync(_commandLimit);
            }
            catch (InvalidOperationException)
            {
                // It has ended meanwhile, which is what was asked for.
            }
            catch (TimeoutException)
            {
                throw new RequestRefusedException(ClusterError.Unreachable, $"job {Job} did not record the command within {_commandLimit.TotalSeconds} s. Give it again with the same id; see why it waits with: disttrain why {Job}");
            }
        }
        return await runs.StatusAsync(Job);
    }

    public async Task<WaitReport[]> Why()
    {
        if (runs.Find(Job) is { HasEnded: false } run) return [.. run.Hosted.Why()];
        var status = await runs.StatusAsync(Job);
        return JobStates.IsEnd(status.State)
            ? []
            : [new WaitReport("job", "a silo that takes it up", "the cluster", (DateTimeOffset.UtcNow - status.Submitted).TotalSeconds, double.PositiveInfinity, $"job {Job} waits for a silo that takes it up")];
    }

    public async Task<CheckpointReport[]> Checkpoints()
    {
        if (runs.Find(Job) is { } run) return [.. run.Hosted.Checkpoints()];
        await runs.EntryAsync(Job);
        return [.. await ended.CheckpointsAsync(await runs.StatusAsync(Job))];
    }

    public async Task<JobMembers> Members()
    {
        if (runs.Find(Job) is { } run) return run.Hosted.Members();
        await runs.EntryAsync(Job);
        return new JobMembers([], []);
    }
}
