using DistTrain.Contracts;
using DistTrain.Grains.Wire;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;

namespace DistTrain.Grains;

/// <summary>
/// Every silo that trains looks after all jobs that have not ended: at once when a silo is lost, and every few seconds anyway, it asks each job's grain to go on.
/// Whichever silo is first brings the job up; the store's compare-and-swap sees to it that one holds it.
/// </summary>
internal sealed partial class JobWatch(SiloNode silo, JobRuns runs, Roster roster, IClusterStore store, IGrainFactory grains, TimeProvider time, ILogger<JobWatch> log) : ILifecycleParticipant<ISiloLifecycle>
{
    private static readonly TimeSpan _period = TimeSpan.FromSeconds(3);
    private const int DropEvery = 10; // rounds
    private static readonly TimeSpan _leaveLimit = TimeSpan.FromSeconds(30);
    private readonly CancellationTokenSource _ending = new();
    private readonly SemaphoreSlim _look = new(1, 1);
    private Task _followed = Task.CompletedTask;
    private Task _watched = Task.CompletedTask;

    public void Participate(ISiloLifecycle lifecycle) => lifecycle.Subscribe(nameof(JobWatch), ServiceLifecycleStage.Active, StartAsync, StopAsync);

    private async Task StartAsync(CancellationToken cancellation)
    {
        await store.PrepareAsync(cancellation).ConfigureAwait(false);
        roster.Changed += LookAtOnce;
        _followed = Task.Run(() => roster.RunAsync(_ending.Token), CancellationToken.None);
        if (silo.Options.Trains) _watched = Task.Run(WatchAsync, CancellationToken.None);
    }

    private async Task StopAsync(CancellationToken cancellation)
    {
        silo.Leaving = true;
        await _ending.CancelAsync().ConfigureAwait(false);
        roster.Changed -= LookAtOnce;
        if (cancellation.IsCancellationRequested)
        {
            // Told to end at once: like a crash, without a word to anybody.
            silo.Dispose();
            return;
        }
        try
        {
            TellLeaving();
            await runs.LeaveAsync(cancellation).WaitAsync(_leaveLimit, cancellation).ConfigureAwait(false);
            await Task.WhenAll(_followed, _watched).WaitAsync(_leaveLimit, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        catch (Exception late) when (late is OperationCanceledException or TimeoutException)
        {
            NotLeft(late.Message);
        }
    }

    // Nothing new is placed here, and what leaves here is started elsewhere meanwhile. Who does not hear it is refused when it asks.
    private void TellLeaving()
    {
        foreach (var other in roster.Offers.Keys)
            if (!other.Equals(silo.Silo)) grains.GetGrain<ISiloGrain>(other.ToParsableString()).Leaving(silo.Silo.ToParsableString()).Ignore();
    }

    private void LookAtOnce(SiloAddress gone, bool there)
    {
        if (!there && _look.CurrentCount == 0) _look.Release();
    }

    private async Task WatchAsync()
    {
        for (var round = 1; !_ending.IsCancellationRequested; round++)
        {
            try
            {
                await _look.WaitAsync(_period, _ending.Token).ConfigureAwait(false);
                foreach (var open in await store.ListAsync(StoreKind.Open, _ending.Token).ConfigureAwait(false)) _ = EnsureAsync(open);
                if (round % DropEvery == 0) await runs.DropEndedAsync().ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (_ending.IsCancellationRequested)
            {
                return;
            }
            catch (Exception unreached) when (unreached is not OutOfMemoryException)
            {
                NotSeen(unreached.Message);
                await Task.Delay(TimeSpan.FromMilliseconds(500), time).ConfigureAwait(false);
            }
        }
    }

    private async Task EnsureAsync(StoredText open)
    {
        var job = open.Key;
        try
        {
            await grains.GetGrain<IJobGrain>(job).Ensure().ConfigureAwait(false);
        }
        catch (RequestRefusedException refused) when (refused.Code == (byte)ClusterError.NotFound)
        {
            await MakeUpAsync(open).ConfigureAwait(false);
        }
        catch (Exception unreached) when (unreached is not OutOfMemoryException)
        {
            NotEnsured(job, unreached.Message);
        }
    }

    private async Task MakeUpAsync(StoredText open)
    {
        try
        {
            await JobBook.MakeUpAsync(store, open, _ending.Token).ConfigureAwait(false);
        }
        catch (Exception unreached) when (unreached is not OutOfMemoryException)
        {
            NotEnsured(open.Key, unreached.Message);
        }
    }

    [LoggerMessage(50, LogLevel.Warning, "The jobs that have not ended could not be read: {Reason}")]
    private partial void NotSeen(string reason);

    [LoggerMessage(51, LogLevel.Information, "Job {Job} could not be asked to go on: {Reason}")]
    private partial void NotEnsured(string job, string reason);

    [LoggerMessage(52, LogLevel.Warning, "This silo could not hand over all that it holds: {Reason}")]
    private partial void NotLeft(string reason);
}
