using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using DistTrain.Cluster.Tests.Training;
using DistTrain.Grains;
using Microsoft.Extensions.Logging.Abstractions;
using Orleans;
using Orleans.Runtime;

namespace DistTrain.Cluster.Tests.Silos;

public sealed class RosterTests
{
    [Fact]
    public async Task News_that_one_cannot_take_reaches_the_others_and_more_follow()
    {
        var (first, second) = (SiloAddress.FromParsableString("127.0.0.1:1@1"), SiloAddress.FromParsableString("127.0.0.1:2@1"));
        var roster = new Roster(new Membership(broken: true, [first], [first, second]), null!, NullLogger<Roster>.Instance);
        var (heard, all) = (new List<SiloAddress>(), new TaskCompletionSource());
        roster.Changed += (_, _) => throw new InvalidOperationException("this one fails at everything");
        roster.Changed += (silo, _) =>
        {
            heard.Add(silo);
            if (heard.Count == 2) all.SetResult();
        };
        using var over = new CancellationTokenSource();
        var running = roster.RunAsync(over.Token);
        await all.Task.WaitAsync(TrainingCluster.Limit);
        Assert.False(running.IsCompleted);
        Assert.Equal([first, second], heard);
        await over.CancelAsync();
        await running.WaitAsync(TrainingCluster.Limit);
    }

    // Its stream of news breaks once as well.
    private sealed class Membership(bool broken, params SiloAddress[][] dead) : IClusterMembershipService
    {
        private bool _broken = broken;

        public ClusterMembershipSnapshot CurrentSnapshot => Snapshot(dead[^1], dead.Length);

        public IAsyncEnumerable<ClusterMembershipSnapshot> MembershipUpdates => Updates();

        public ValueTask Refresh(MembershipVersion minimumVersion = default, CancellationToken cancellationToken = default) => ValueTask.CompletedTask;

        public Task<bool> TryKill(SiloAddress siloAddress) => Task.FromResult(false);

        private async IAsyncEnumerable<ClusterMembershipSnapshot> Updates([EnumeratorCancellation] CancellationToken cancellation = default)
        {
            yield return Snapshot(dead[0], 1);
            if (_broken)
            {
                _broken = false;
                throw new IOException("the table of members cannot be read");
            }
            for (var i = 1; i < dead.Length; i++) yield return Snapshot(dead[i], i + 1);
            await Task.Delay(Timeout.Infinite, cancellation);
        }

        private static ClusterMembershipSnapshot Snapshot(SiloAddress[] silos, long version) =>
            new(silos.ToImmutableDictionary(s => s, s => new ClusterMember(s, SiloStatus.Dead, s.ToParsableString())), new MembershipVersion(version));
    }
}
