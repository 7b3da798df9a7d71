using DistTrain.Contracts;
using DistTrain.Grains.Wire;
using DistTrain.Training.Specs;
using Orleans.Concurrency;
using Orleans.GrainDirectory;
using Orleans.Placement;

namespace DistTrain.Grains;

/// <inheritdoc cref="IJobGrain"/>
/// <remarks>Of a job that runs, it is asked for every few seconds by every silo; of one that has ended, Orleans lets it go when nobody has asked for a while, and its place is no longer written down.</remarks>
[Immovable, JobPlacement, GrainDirectory(JobDirectory.Name)]
internal sealed class JobGrain(JobRuns runs, JobResolver resolver, EndedJobs ended) : Grain, IJobGrain
{
    private static readonly TimeSpan _commandLimit = TimeSpan.FromSeconds(20);

    private string Job => this.GetPrimaryKeyString();

    public Task Ensure() => Known(async () =>
    {
        await runs.EnsureAsync(Job);
        return true;
    });

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
        finally
        {
            // Not a job yet, and perhaps never one.
            if (runs.Find(Job) is null) DeactivateOnIdle();
        }
    }

    public Task<JobStatus> Status() => Known(() => runs.StatusAsync(Job));

    public Task<string> Spec() => Known(async () => (await runs.EntryAsync(Job)).Spec);

    public Task<JobStatus> Stop(string commandId) => Known(() => StopAsync(commandId));

    public Task<WaitReport[]> Why() => Known(WhyAsync);

    public Task<CheckpointReport[]> Checkpoints() => Known(CheckpointsAsync);

    public Task<JobMembers> Members() => Known(MembersAsync);

    // Any name may be asked for: what is no job leaves nothing behind.
    private async Task<T> Known<T>(Func<Task<T>> ask)
    {
        try
        {
            return await ask();
        }
        catch (RequestRefusedException refused) when (refused.Code == (byte)ClusterError.NotFound)
        {
            DeactivateOnIdle();
            throw;
        }
    }

    private async Task<JobStatus> StopAsync(string commandId)
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

    private async Task<WaitReport[]> WhyAsync()
    {
        if (runs.Find(Job) is { HasEnded: false } run) return [.. run.Hosted.Why()];
        var status = await runs.StatusAsync(Job);
        return JobStates.IsEnd(status.State)
            ? []
            : [new WaitReport("job", "a silo that takes it up", "the cluster", (DateTimeOffset.UtcNow - status.Submitted).TotalSeconds, double.PositiveInfinity, $"job {Job} waits for a silo that takes it up")];
    }

    private async Task<CheckpointReport[]> CheckpointsAsync()
    {
        if (runs.Find(Job) is { } run) return [.. run.Hosted.Checkpoints()];
        await runs.EntryAsync(Job);
        return [.. await ended.CheckpointsAsync(await runs.StatusAsync(Job))];
    }

    private async Task<JobMembers> MembersAsync()
    {
        if (runs.Find(Job) is { } run) return run.Hosted.Members();
        await runs.EntryAsync(Job);
        return new JobMembers([], []);
    }
}
