using System.Collections.Concurrent;
using System.Security.Cryptography;
using DistTrain.Contracts;
using DistTrain.Grains.Wire;
using DistTrain.Protocol;
using DistTrain.Training;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;

namespace DistTrain.Grains;

/// <summary>A job whose scheduler is on this silo: finds members for it as silos come and go, passes on what it tells, and writes down how it ended.</summary>
internal sealed partial class JobRun
{
    private static readonly TimeSpan _callLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan _look = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan _longestLook = TimeSpan.FromMinutes(1);

    private readonly JobEntry _entry;
    private readonly ClusterJob _job;
    private readonly SiloNode _silo;
    private readonly IClusterStore _store;
    private readonly Roster _roster;
    private readonly IGrainFactory _grains;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly JobTelling _telling;
    private readonly Action<JobRun> _forget;
    private readonly string _device;
    private readonly ConcurrentDictionary<SiloAddress, SiloState> _states = new();
    private readonly SemaphoreSlim _placing = new(1);
    private readonly CancellationTokenSource _ending = new();
    private volatile bool _forgotten;
    private MemberPlaces _places;

    private JobRun(JobEntry entry, ClusterJob job, MemberPlaces places, SiloNode silo, IClusterStore store, Roster roster, IGrainFactory grains, TrainingMeter meter, TimeProvider time, ILogger log, Action<JobRun> forget)
    {
        (_entry, _job, _silo, _store, _roster, _grains, _time, _log, _forget) = (entry, job, silo, store, roster, grains, time, log, forget);
        _device = JobResolver.ReadDocument(entry.Document).Spec.Cluster.Device;
        var register = new StoreRegister(store, entry.Job);
        // Asked on this thread of the pool once; from here on the node's own thread asks.
        _places = places;
        Hosted = silo.Node!.StartJob(job, register, resume: register.Read() is not null, roster.Nodes, RunFeed.Whole(), lost: places.SeatsLost(silo.Membership));
        _telling = new JobTelling(entry.Job, job.Job, Hosted.Feed, grains.GetGrain<IMetricsGrain>(entry.Job), store, meter.Follow(entry.Job, Status, Hosted.Members), time, log);
    }

    public string Job => _entry.Job;

    public HostedJob Hosted { get; }

    /// <summary>The scheduler has ended here; the job, or only its stay on this silo.</summary>
    public bool HasEnded => Hosted.Outcome.IsCompleted || _ending.IsCancellationRequested;

    /// <summary>It has asked to be forgotten, perhaps before anybody had written down that it is here.</summary>
    public bool IsForgotten => _forgotten;

    public static JobRun Start(JobEntry entry, ClusterJob job, MemberPlaces places, SiloNode silo, IClusterStore store, Roster roster, IGrainFactory grains, TrainingMeter meter, TimeProvider time, ILogger log, Action<JobRun> forget)
    {
        var run = new JobRun(entry, job, places, silo, store, roster, grains, meter, time, log, forget);
        roster.Changed += run.Follow;
        _ = run.KeepPlacedAsync();
        _ = run.EndAsync();
        return run;
    }

    public JobStatus Status()
    {
        // Whether the outcome is there is asked first: an end without its hashes is never told.
        var over = Hosted.Outcome.IsCompleted;
        var status = Hosted.Status() with { Job = _entry.Job, Name = _entry.Name, Submitted = _entry.Submitted, Verdict = _telling?.Verdict ?? "" };
        return over || !JobStates.IsEnd(status.State) ? status : status with { State = JobStates.Running, Reason = "all steps are done; the result is read back from the last checkpoint" };
    }

    /// <summary>Ends the scheduler here without a word, for another silo to take the job up.</summary>
    public async Task LetGoAsync()
    {
        if (HasEnded) return;
        Leaving(Job);
        await _ending.CancelAsync().ConfigureAwait(false);
        _roster.Changed -= Follow;
        _silo.Node!.Drop(Job);
        _telling.Abandon();
        BeForgotten();
    }

    private void Follow(SiloAddress silo, bool there)
    {
        if (there && _roster.Offers.TryGetValue(silo, out var offer) && offer.Lane.Length > 0) _silo.Node!.Invite(Job, [new NodeAddress(silo.ToParsableString(), offer.Lane)]);
        _ = PlaceAsync();
    }

    // A member may be lost while its silo stays, or may not have come up: who is missing is started again, ever more slowly where that does not help.
    private async Task KeepPlacedAsync()
    {
        try
        {
            for (var pause = _look; !HasEnded;)
            {
                var missed = await PlaceAsync().ConfigureAwait(false);
                await Task.Delay(pause, _time, _ending.Token).ConfigureAwait(false);
                pause = missed ? TimeSpan.FromTicks(Math.Min(2 * pause.Ticks, _longestLook.Ticks)) : _look;
            }
        }
        catch (OperationCanceledException)
        {
            // Let go.
        }
    }

    // Asks every silo what it runs of the job, and starts what is missing. One at a time; a change while it runs is seen by the next. Returns whether anybody was missing, or nobody knows.
    private async Task<bool> PlaceAsync()
    {
        await _placing.WaitAsync().ConfigureAwait(false);
        try
        {
            if (HasEnded) return false;
            var states = await Task.WhenAll(_roster.Offers.Where(o => o.Value.Lane.Length > 0).Select(o => StateAsync(o.Key, o.Value))).ConfigureAwait(false);
            var needs = new MemberNeeds(_job.Options.Shards, Math.Max(_job.Options.Workers, _job.MinimumWorkers), _device);
            var starts = MemberPlacement.Decide(needs, [.. states.OfType<SiloState>()]).Select(start => new NewMembers(start, Enumerable.Range(0, start.Seats).Select(_ => NewNumber()).ToArray(), Enumerable.Range(0, start.Workers).Select(_ => NewNumber()).ToArray())).ToArray();
            // Before they start, so that whoever takes the job up knows at once which seats were lost with a silo; and again when it is known where they run.
            await KeepPlacesAsync([.. states.OfType<SiloState>()], starts, []).ConfigureAwait(false);
            var ready = await Task.WhenAll(starts.Select(async start => (start.To.Silo, Runs: (await Task.WhenAll(StartMembers(start)).ConfigureAwait(false)).Any(static started => started)))).ConfigureAwait(false);
            await KeepPlacesAsync([.. states.OfType<SiloState>()], starts, [.. ready.Where(static r => r.Runs).Select(static r => r.Silo.ToParsableString())]).ConfigureAwait(false);
            return starts.Length > 0;
        }
        catch (Exception unplaced) when (unplaced is not OutOfMemoryException)
        {
            NotPlaced(Job, unplaced.Message);
            return true;
        }
        finally
        {
            _placing.Release();
        }
    }

    private async Task<SiloState?> StateAsync(SiloAddress silo, SiloOffer offer)
    {
        try
        {
            var members = await _grains.GetGrain<ISiloGrain>(silo.ToParsableString()).Members(Job).WaitAsync(_callLimit).ConfigureAwait(false);
            return _states[silo] = new SiloState(silo, offer, members.Workers.Length, members.Seats.Length) { SeatNumbers = members.Seats };
        }
        catch (Exception gone) when (gone is not OutOfMemoryException)
        {
            // It is going, and the roster will say so; or it is slow: what it ran a moment ago it runs still, and is not started elsewhere as well.
            return _states.TryGetValue(silo, out var before) ? before with { Offer = offer } : null;
        }
    }

    private async Task KeepPlacesAsync(IReadOnlyList<SiloState> states, IReadOnlyList<NewMembers> starts, IReadOnlyList<string> ready)
    {
        var seats = new Dictionary<int, string>();
        foreach (var state in states)
            foreach (var seat in state.SeatNumbers) seats[seat] = state.Silo.ToParsableString();
        foreach (var start in starts)
            foreach (var seat in start.Seats) seats[seat] = start.To.Silo.ToParsableString();
        // Seats of silos that did not answer now: whether they are gone, membership says when it matters.
        foreach (var (seat, silo) in _places.Seats)
            if (!_roster.IsGone(SiloAddress.FromParsableString(silo))) seats.TryAdd(seat, silo);
        var places = new MemberPlaces(seats, [.. _places.Ready.Concat(ready).Distinct(StringComparer.Ordinal).Where(r => !_roster.IsGone(SiloAddress.FromParsableString(r)))]);
        if (places.Same(_places)) return;
        try
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(3));
            await places.WriteAsync(_store, Job, limit.Token).ConfigureAwait(false);
            _places = places;
        }
        catch (Exception unwritten) when (unwritten is not OutOfMemoryException)
        {
            NotPlaced(Job, $"where they are could not be written down: {unwritten.Message}");
        }
    }

    private sealed record NewMembers(MembersToStart To, int[] Seats, int[] Workers);

    private IEnumerable<Task<bool>> StartMembers(NewMembers start)
    {
        var order = ControlFormat.Write(new JobOrder(Job, _entry.Document, _silo.Node!.Address));
        foreach (var seat in start.Seats) yield return Watched(start.To.Silo, "seat", _grains.GetGrain<IParameterServerGrain>(new MemberKey(Job, seat, start.To.Silo).ToString()).Start(order));
        foreach (var worker in start.Workers) yield return Watched(start.To.Silo, "worker", _grains.GetGrain<IWorkerGrain>(new MemberKey(Job, worker, start.To.Silo).ToString()).Start(order));
    }

    private async Task<bool> Watched(SiloAddress silo, string what, Task starting)
    {
        try
        {
            await starting.WaitAsync(_callLimit).ConfigureAwait(false);
            return true;
        }
        catch (Exception failed) when (failed is not OutOfMemoryException)
        {
            _telling.Tell("warning", "warning", Status().Step, $"silo {silo} could not start a {what}: {failed.Message}");
            return false;
        }
    }

    // Numbers of members are never used again within a job; 2^31 of them leave room.
    private static int NewNumber() => RandomNumberGenerator.GetInt32(int.MaxValue);

    // Whatever fails on the way, the end is written and the run is forgotten: a job that nobody runs must not be told as running.
    private async Task EndAsync()
    {
        JobStatus? end = null;
        try
        {
            var outcome = await Hosted.Outcome.WaitAsync(_ending.Token).ConfigureAwait(false);
            if (outcome.State != JobState.Superseded) end = Status();
        }
        catch (OperationCanceledException) when (_ending.IsCancellationRequested)
        {
            return;
        }
        catch (Exception broken)
        {
            // The node's own code failed: the job is not tried again and again on other silos.
            Broken(Job, broken);
            end = LastStatus() with { State = JobStates.Failed, Reason = broken.Message };
        }
        _roster.Changed -= Follow;
        if (end is null)
        {
            Superseded(Job);
            _telling.Abandon();
        }
        else await WriteEndAsync(end).ConfigureAwait(false);
        BeForgotten();
        // Last, as this silo too forgets what is here of a job only when its scheduler is no longer here.
        if (end is not null) DropEverywhere();
    }

    private JobStatus LastStatus()
    {
        try
        {
            return Status();
        }
        catch (Exception unknown) when (unknown is not OutOfMemoryException)
        {
            return new JobStatus { Job = _entry.Job, Name = _entry.Name, State = JobStates.Failed, Submitted = _entry.Submitted };
        }
    }

    private void BeForgotten()
    {
        _forgotten = true;
        _forget(this);
    }

    private async Task WriteEndAsync(JobStatus end)
    {
        await _telling.EndAsync(end).ConfigureAwait(false);
        for (var written = false; !written;)
        {
            try
            {
                await JobBook.EndAsync(_store, end, CancellationToken.None).ConfigureAwait(false);
                written = true;
            }
            catch (Exception unreached) when (unreached is not OutOfMemoryException)
            {
                NotWritten(Job, unreached.Message);
                await Task.Delay(TimeSpan.FromSeconds(1), _time).ConfigureAwait(false);
            }
        }
        Ended(Job, end.State, end.Step, end.WeightsSha256);
    }

    // Where the word is lost, the silo finds out by itself: see JobRuns.DropEndedAsync.
    private void DropEverywhere()
    {
        foreach (var (silo, offer) in _roster.Offers)
        {
            try
            {
                if (offer.Lane.Length > 0) _grains.GetGrain<ISiloGrain>(silo.ToParsableString()).Drop(Job).Ignore();
            }
            catch (Exception unreached) when (unreached is OrleansException or ObjectDisposedException)
            {
                NotPlaced(Job, unreached.Message);
            }
        }
    }

    [LoggerMessage(30, LogLevel.Information, "Job {Job} has {State} after step {Step}, weights sha256 {Weights}")]
    private partial void Ended(string job, string state, long step, string weights);

    [LoggerMessage(31, LogLevel.Information, "Job {Job} is held by another silo now")]
    private partial void Superseded(string job);

    [LoggerMessage(32, LogLevel.Information, "Job {Job} is let go for another silo")]
    private partial void Leaving(string job);

    [LoggerMessage(33, LogLevel.Warning, "Job {Job}: members could not be placed: {Reason}")]
    private partial void NotPlaced(string job, string reason);

    [LoggerMessage(34, LogLevel.Error, "Job {Job}: its scheduler broke")]
    private partial void Broken(string job, Exception reason);

    [LoggerMessage(35, LogLevel.Warning, "Job {Job}: its end could not be written: {Reason}")]
    private partial void NotWritten(string job, string reason);
}
