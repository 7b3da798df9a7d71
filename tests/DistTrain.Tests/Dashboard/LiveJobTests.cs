using DistTrain.Contracts;
using DistTrain.Dashboard;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;

namespace DistTrain.Tests.Dashboard;

/// <summary>A viewer whose connection breaks leaves nothing at work behind it.</summary>
public sealed class LiveJobTests
{
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(60);

    [Theory, InlineData(2), InlineData(5)]
    public async Task A_flush_that_fails_ends_the_stream_with_its_error_when_all_that_gathers_for_it_has_ended(int failsAt)
    {
        var cluster = new ScriptedCluster();
        for (var i = 0; i < 20; i++) cluster.Step();
        var followed = new FollowedCluster(cluster);
        await using var services = new ServiceCollection().AddOptions().BuildServiceProvider();
        var context = new DefaultHttpContext { RequestServices = services };
        using var body = new BreakingBody(failsAt, () => cluster.Step());
        context.Features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(body));
        var stream = await EventStream.OpenAsync(context);
        var live = new LiveJob("job-1", followed, new RecentAnswers(followed, TimeProvider.System), stream, 0, 0);

        var broken = await Assert.ThrowsAsync<IOException>(() => live.SendAsync(CancellationToken.None).WaitAsync(_limit));
        Assert.Equal("the connection broke", broken.Message);
        Assert.Equal(0, followed.Open);
    }

    // Each flush brings a point more, so that there is always something to send.
    private sealed class BreakingBody(int failsAt, Action news) : MemoryStream
    {
        private int _writes;

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (++_writes >= failsAt) throw new IOException("the connection broke");
            news();
            return ValueTask.CompletedTask;
        }
    }
}
