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
    private readonly ConcurrentDictionary<string, Lazy<Task>> _starting = new(StringComparer.Ordinal);

    private static readonly TimeSpan _storeLimit = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan _leaseLimit = TimeSpan.FromSeconds(10);

    private sealed class MembersHere
    {
        public Dictionary<int, Task> Workers { get; } = [];
        public Dictionary<int, Task> Seats { get; } = [];
    }

    /// <summary>Schedulers on this silo.</summary>
    public IReadOnlyCollection<JobRun> Runs => [.. _runs.Values];

    /// <summary>The scheduler of a job, if it is here: also one that has ended, until its end is written down.</summary>
    public JobRun? Find(string job) => _runs.GetValueOrDefault(job);

    /// <summary>
    /// Starts a job's scheduler here unless it is here, one that is writing down its end included, or the job has ended. However often it is asked, one start is under way for a job; the data
    /// of one job, which takes as long as it takes, holds up no other.
    /// </summary>
    /// <exception cref="RequestRefusedException">No such job.</exception>
    public async Task EnsureAsync(string job)
    {
        if (Find(job) is not null || silo.Leaving) return;
        var starting = _starting.GetOrAdd(job, j => new Lazy<Task>(() => Task.Run(() => StartAsync(j))));
        try
        {
            await starting.Value.ConfigureAwait(false);
        }
        finally
        {
            _starting.TryRemove(new KeyValuePair<string, Lazy<Task>>(job, starting));
        }
    }

    private async Task StartAsync(string job)
    {
        if (Find(job) is not null) return;
        var entry = await AskStore(cancellation => store.ReadAsync(StoreKind.Job, job, cancellation)).ConfigureAwait(false) is { } stored ? JobEntry.Parse(stored) : throw NotFound(job);
        if (await IsOverAsync(job).ConfigureAwait(false)) return;
        ClusterJob resolved;
        try
        {
            resolved = await resolver.ResolveAsync(job, entry.Document).ConfigureAwait(false);
        }
        catch (SpecException wrong)
        {
            await FailAsync(entry, string.Join(Environment.NewLine, wrong.Problems)).ConfigureAwait(false);
            return;
        }
        // Loading its data takes a while, in which another silo may have written the end, or this one been told to leave.
        if (silo.Leaving || await IsOverAsync(job).ConfigureAwait(false))
        {
            if (!_members.ContainsKey(job)) resolver.Forget(job);
            return;
        }
        var places = await AskStore(cancellation => MemberPlaces.ReadAsync(store, job, cancellation)).ConfigureAwait(false);
        Taking(job);
        var run = JobRun.Start(entry, resolved, places, silo, store, roster, grains, meter, time, log, Forget);
        _runs[job] = run;
        if (run.IsForgotten) Forget(run);
        // An end written up to the moment when this scheduler took the register; none is written by another after that.
        else if (await IsOverAsync(job).ConfigureAwait(false)) await run.LetGoAsync().ConfigureAwait(false);
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

    /// <summary>Workers and seats of a job that run here now, and those that are being started: one that was lost or has left is none.</summary>
    public SiloMembers MembersOf(string job)
    {
        if (!_members.TryGetValue(job, out var here)) return new SiloMembers([], []);
        lock (here)
        {
            // Who had been started is looked at before what runs: a start that completes in between is not taken for lost.
            var started = here.Workers.Concat(here.Seats).Where(m => m.Value.IsCompleted).Select(m => m.Key).ToHashSet();
            var (workers, seats) = silo.Node?.MembersOf(job) ?? ([], []);
            foreach (var gone in started.Except(workers).Except(seats))
            {
                here.Workers.Remove(gone);
                here.Seats.Remove(gone);
            }
            return new SiloMembers([.. here.Workers.Keys], [.. here.Seats.Keys]);
        }
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

    /// <summary>Drops what is here of jobs that have ended, where the word of it was lost.</summary>
    public async Task DropEndedAsync()
    {
        foreach (var job in _members.Keys)
            if (Find(job) is null && await IsOverAsync(job).ConfigureAwait(false)) DropHere(job);
    }

    /// <summary>
    /// Workers finish their leases and leave, which is waited for up to 10 s; schedulers here are let go, for other silos to take up. Seats stay until the process ends: their replicas
    /// on other silos are promoted when its connections close.
    /// </summary>
    public async Task LeaveAsync(CancellationToken cancellation)
    {
        foreach (var job in _members.Keys)
            foreach (var worker in MembersOf(job).Workers) silo.Node?.RetireWorker(job, worker);
        for (var began = time.GetTimestamp(); _members.Keys.Any(job => MembersOf(job).Workers.Length > 0) && time.GetElapsedTime(began) < _leaseLimit;)
            await Task.Delay(TimeSpan.FromMilliseconds(50), time, cancellation).ConfigureAwait(false);
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

    // Whoever wrote the end may have died before it closed the job.
    private async Task<bool> IsOverAsync(string job)
    {
        if (await AskStore(cancellation => store.ReadAsync(StoreKind.End, job, cancellation)).ConfigureAwait(false) is null) return false;
        await AskStore(async cancellation =>
        {
            await JobBook.CloseAsync(store, job, cancellation).ConfigureAwait(false);
            return true;
        }).ConfigureAwait(false);
        return true;
    }

    // Each question to the store has its own limit: what lies between two may take long.
    private static async Task<T> AskStore<T>(Func<CancellationToken, Task<T>> ask)
    {
        using var limit = new CancellationTokenSource(_storeLimit);
        return await ask(limit.Token).ConfigureAwait(false);
    }

    private void Forget(JobRun run)
    {
        _runs.TryRemove(new KeyValuePair<string, JobRun>(run.Job, run));
        resolver.Forget(run.Job);
    }

    private Task<bool> FailAsync(JobEntry entry, string reason) => AskStore(async cancellation =>
    {
        var status = new JobStatus { Job = entry.Job, Name = entry.Name, State = JobStates.Failed, Submitted = entry.Submitted, Reason = reason };
        await store.AppendAsync(entry.Job, [new TrainingEvent(1, time.GetUtcNow(), 0, "ended", "error", $"the job has failed: {reason}")], cancellation).ConfigureAwait(false);
        await JobBook.EndAsync(store, status, cancellation).ConfigureAwait(false);
        return true;
    });

    [LoggerMessage(20, LogLevel.Information, "Job {Job} is taken up here")]
    private partial void Taking(string job);

    [LoggerMessage(21, LogLevel.Information, "Job {Job}: member {Number} runs here")]
    private partial void Started(string job, int number);
}
