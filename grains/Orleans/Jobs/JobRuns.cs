using System.Collections.Concurrent;
using DistTrain.Contracts;
using DistTrain.Grains.Wire;
using DistTrain.Training;
using DistTrain.Training.Specs;
using Microsoft.Extensions.Logging;

namespace DistTrain.Grains;

/// <summary>What this silo runs of jobs: schedulers, and the members that others asked it to start. It outlives the grains' activations.</summary>
internal sealed partial class JobRuns(SiloNode silo, JobResolver resolver, IClusterStore store, Roster roster, IGrainFactory grains, TrainingMeter meter, TimeProvider time, ILogger<JobRuns> log)
{
    private readonly ConcurrentDictionary<string, JobRun> _runs = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, MembersHere> _members = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _starting = new(1);

    private sealed class MembersHere
    {
        public Dictionary<int, Task> Workers { get; } = [];
        public Dictionary<int, Task> Seats { get; } = [];
    }

    /// <summary>Schedulers on this silo.</summary>
    public IReadOnlyCollection<JobRun> Runs => [.. _runs.Values];

    /// <summary>The scheduler of a job, if it is here: also one that has ended, until its end is written down.</summary>
    public JobRun? Find(string job) => _runs.GetValueOrDefault(job);

    /// <summary>Starts a job's scheduler here unless it is here, one that is writing down its end included, or the job has ended.</summary>
    /// <exception cref="RequestRefusedException">No such job.</exception>
    public async Task EnsureAsync(string job)
    {
        if (Find(job) is not null || silo.Leaving) return;
        await _starting.WaitAsync().ConfigureAwait(false);
        try
        {
            if (Find(job) is not null) return;
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
            var entry = await store.ReadAsync(StoreKind.Job, job, limit.Token).ConfigureAwait(false) ?? throw NotFound(job);
            if (await HasEndAsync(job, limit.Token).ConfigureAwait(false)) return;
            try
            {
                var resolved = await resolver.ResolveAsync(job, JobEntry.Parse(entry).Document).ConfigureAwait(false);
                // Loading its data takes a while, in which another silo may have written the end.
                if (await HasEndAsync(job, limit.Token).ConfigureAwait(false)) return;
                Taking(job);
                var run = JobRun.Start(JobEntry.Parse(entry), resolved, await MemberPlaces.ReadAsync(store, job, limit.Token).ConfigureAwait(false), silo, store, roster, grains, meter, time, log, Forget);
                _runs[job] = run;
                if (run.IsForgotten) Forget(run);
                // An end written up to the moment when this scheduler took the register; none is written by another after that.
                else if (await HasEndAsync(job, limit.Token).ConfigureAwait(false)) await run.LetGoAsync().ConfigureAwait(false);
            }
            catch (SpecException wrong)
            {
                await EndAsync(JobEntry.Parse(entry), string.Join(Environment.NewLine, wrong.Problems), limit.Token).ConfigureAwait(false);
            }
        }
        finally
        {
            _starting.Release();
        }
    }

    public async Task<JobEntry> EntryAsync(string job) => JobEntry.Parse(await store.ReadAsync(StoreKind.Job, job, CancellationToken.None).ConfigureAwait(false) ?? throw NotFound(job));

    /// <summary>Where the job stands: as it ended, whatever runs here; else as its scheduler here says, or waiting to be started.</summary>
    public async Task<JobStatus> StatusAsync(string job)
    {
        // Found before the end is looked for: a scheduler is let go only after its end is there.
        var run = Find(job);
        try
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(5));
            if (await store.ReadAsync(StoreKind.End, job, run is null ? CancellationToken.None : limit.Token).ConfigureAwait(false) is { } end) return JobEntry.ParseEnd(end);
        }
        catch (Exception unreached) when (run is not null && unreached is (IOException or System.Data.Common.DbException or TimeoutException or OperationCanceledException))
        {
            // The scheduler knows without the store.
        }
        if (run is not null) return run.Status();
        var entry = await EntryAsync(job).ConfigureAwait(false);
        return new JobStatus { Job = job, Name = entry.Name, State = JobStates.Queued, Submitted = entry.Submitted, Reason = "no silo has taken it up yet" };
    }

    public SiloMembers MembersOf(string job)
    {
        if (!_members.TryGetValue(job, out var here)) return new SiloMembers([], []);
        lock (here) return new SiloMembers([.. here.Workers.Keys], [.. here.Seats.Keys]);
    }

    /// <summary>Starts a worker once, however often it is asked to.</summary>
    public Task StartWorkerHere(JobOrder order, int number) =>
        StartHere(order, number, here => here.Workers, (node, job) => node.StartWorker(job, order.Scheduler, number));

    /// <summary>Offers a seat once, however often it is asked to.</summary>
    public Task StartSeatHere(JobOrder order, int number) =>
        StartHere(order, number, here => here.Seats, (node, job) => node.StartSeat(job, order.Scheduler, number));

    /// <summary>The job has ended: members here end, its data is let go.</summary>
    public void DropHere(string job)
    {
        if (Find(job) is not null) return;
        _members.TryRemove(job, out _);
        silo.Node?.Drop(job);
        resolver.Forget(job);
    }

    /// <summary>Workers finish their leases and leave; schedulers here are let go, for other silos to take up.</summary>
    public async Task LeaveAsync(CancellationToken cancellation)
    {
        foreach (var (job, here) in _members)
        {
            int[] workers;
            lock (here) workers = [.. here.Workers.Keys];
            foreach (var worker in workers) silo.Node?.RetireWorker(job, worker);
        }
        await Task.Delay(TimeSpan.FromMilliseconds(500), time, cancellation).ConfigureAwait(false);
        foreach (var run in _runs.Values.Where(r => !r.HasEnded)) await run.LetGoAsync().ConfigureAwait(false);
    }

    internal static RequestRefusedException NotFound(string job) => new(ClusterError.NotFound, $"job is \"{job}\". There is no such job; list them with: disttrain ps");

    private async Task StartHere(JobOrder order, int number, Func<MembersHere, Dictionary<int, Task>> of, Func<TrainingNode, ClusterJob, int> start)
    {
        if (silo.Node is not { } node || silo.Leaving) throw new RequestRefusedException(ClusterError.Unreachable, $"silo {silo.Options.Name} takes nothing new.");
        var here = _members.GetOrAdd(order.Job, _ => new MembersHere());
        Task started;
        lock (here)
            if (!of(here).TryGetValue(number, out started!)) of(here)[number] = started = StartAsync();
        try
        {
            await started.ConfigureAwait(false);
        }
        catch
        {
            lock (here) of(here).Remove(number);
            throw;
        }

        async Task StartAsync()
        {
            await Task.Yield();
            try
            {
                var job = await resolver.ResolveAsync(order.Job, order.Document).ConfigureAwait(false);
                start(node, job);
                Started(order.Job, number);
            }
            catch (SpecException wrong)
            {
                throw new RequestRefusedException(ClusterError.Invalid, [.. wrong.Problems.Select(p => p.ToString())]);
            }
        }
    }

    private async Task<bool> HasEndAsync(string job, CancellationToken cancellation) => await store.ReadAsync(StoreKind.End, job, cancellation).ConfigureAwait(false) is not null;

    private void Forget(JobRun run)
    {
        _runs.TryRemove(new KeyValuePair<string, JobRun>(run.Job, run));
        resolver.Forget(run.Job);
    }

    private async Task EndAsync(JobEntry entry, string reason, CancellationToken cancellation)
    {
        var status = new JobStatus { Job = entry.Job, Name = entry.Name, State = JobStates.Failed, Submitted = entry.Submitted, Reason = reason };
        await store.AppendAsync(entry.Job, [new TrainingEvent(1, time.GetUtcNow(), 0, "ended", "error", $"the job has failed: {reason}")], cancellation).ConfigureAwait(false);
        await store.WriteAsync(StoreKind.End, entry.Job, JobEntry.ToText(status), 0, cancellation).ConfigureAwait(false);
        await store.RemoveAsync(StoreKind.Open, entry.Job, cancellation).ConfigureAwait(false);
    }

    [LoggerMessage(20, LogLevel.Information, "Job {Job} is taken up here")]
    private partial void Taking(string job);

    [LoggerMessage(21, LogLevel.Information, "Job {Job}: member {Number} runs here")]
    private partial void Started(string job, int number);
}
