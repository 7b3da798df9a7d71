using System.Collections.Concurrent;
using System.Collections.Immutable;
using DistTrain.Grains.Wire;
using DistTrain.Training;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;

namespace DistTrain.Grains;

/// <summary>The silos of the cluster as this one knows them: who is there, by Orleans' membership, and what each offers, asked of it once.</summary>
internal sealed partial class Roster(IClusterMembershipService membership, IGrainFactory grains, ILogger<Roster> log)
{
    // A silo is a member a little before the others know what it hosts.
    private static readonly TimeSpan _settle = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan _again = TimeSpan.FromMilliseconds(200);
    private readonly ConcurrentDictionary<SiloAddress, SiloOffer> _offers = new();
    private readonly ConcurrentDictionary<SiloAddress, bool> _asked = new();
    private readonly ConcurrentDictionary<SiloAddress, bool> _gone = new();

    /// <summary>A silo has come (true) or gone (false).</summary>
    public event Action<SiloAddress, bool>? Changed;

    public IReadOnlyDictionary<SiloAddress, SiloOffer> Offers => _offers;

    /// <summary>Silos that train, as the nodes address each other.</summary>
    public ImmutableArray<NodeAddress> Nodes => [.. _offers.Where(o => o.Value.Lane.Length > 0).Select(o => new NodeAddress(o.Key.ToParsableString(), o.Value.Lane))];

    public bool IsGone(SiloAddress silo) => _gone.ContainsKey(silo);

    /// <summary>Follows the membership until cancelled, whatever fails on the way.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                await FollowAsync(cancellation).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                return;
            }
            catch (Exception broken) when (broken is not OutOfMemoryException)
            {
                NotFollowed(broken);
            }
            await Task.Delay(_again, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Asks again, as when a silo begins to leave.</summary>
    public Task RefreshAsync(SiloAddress silo) => _asked.ContainsKey(silo) ? AskAsync(silo, CancellationToken.None) : Task.CompletedTask;

    private async Task FollowAsync(CancellationToken cancellation)
    {
        await foreach (var snapshot in membership.MembershipUpdates.WithCancellation(cancellation).ConfigureAwait(false))
        {
            foreach (var (silo, member) in snapshot.Members)
            {
                if (member.Status == SiloStatus.Active)
                {
                    if (_asked.TryAdd(silo, true)) _ = AskAsync(silo, cancellation);
                }
                else if (member.Status is SiloStatus.ShuttingDown or SiloStatus.Stopping or SiloStatus.Dead) Leave(silo);
            }
        }
    }

    // One that fails keeps the news from nobody else, and ends nothing.
    private void Tell(SiloAddress silo, bool there)
    {
        foreach (var handler in Changed?.GetInvocationList() ?? [])
        {
            try
            {
                ((Action<SiloAddress, bool>)handler)(silo, there);
            }
            catch (Exception broken) when (broken is not OutOfMemoryException)
            {
                NotTaken(silo, broken);
            }
        }
    }

    private void Leave(SiloAddress silo)
    {
        if (!_gone.TryAdd(silo, true)) return;
        _offers.TryRemove(silo, out _);
        SiloLeft(silo);
        Tell(silo, false);
    }

    private async Task AskAsync(SiloAddress silo, CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested && !IsGone(silo))
        {
            try
            {
                await Task.Delay(_settle, cancellation).ConfigureAwait(false);
                var offer = await grains.GetGrain<ISiloGrain>(silo.ToParsableString()).Offer().WaitAsync(TimeSpan.FromSeconds(5), cancellation).ConfigureAwait(false);
                if (IsGone(silo)) return;
                _offers[silo] = offer;
                SiloOffers(silo, offer.Name, offer.Shards, offer.Workers, offer.Device);
                Tell(silo, true);
                return;
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                return;
            }
            catch (Exception unreached) when (unreached is not OutOfMemoryException)
            {
                SiloSilent(silo, unreached.Message);
                await Task.Delay(_again, cancellation).ContinueWith(static _ => { }, TaskScheduler.Default).ConfigureAwait(false);
            }
        }
    }

    [LoggerMessage(1, LogLevel.Information, "Silo {Silo} ({Name}) offers shards: {Shards}, workers: {Workers} on {Device}")]
    private partial void SiloOffers(SiloAddress silo, string name, bool shards, int workers, string device);

    [LoggerMessage(2, LogLevel.Information, "Silo {Silo} has left")]
    private partial void SiloLeft(SiloAddress silo);

    [LoggerMessage(3, LogLevel.Information, "Silo {Silo} has not said yet what it offers: {Reason}")]
    private partial void SiloSilent(SiloAddress silo, string reason);

    [LoggerMessage(4, LogLevel.Error, "The membership could not be followed; it is tried again")]
    private partial void NotFollowed(Exception reason);

    [LoggerMessage(5, LogLevel.Error, "The news of silo {Silo} was not taken")]
    private partial void NotTaken(SiloAddress silo, Exception reason);
}
