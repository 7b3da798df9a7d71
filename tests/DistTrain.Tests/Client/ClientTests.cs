using DistTrain.Client;
using DistTrain.Contracts;
using DistTrain.Dashboard;
using DistTrain.Tests.Dashboard;
using Microsoft.Extensions.DependencyInjection;

namespace DistTrain.Tests.Client;

/// <summary>The SDK against the server: what goes in comes out, connections may be lost, refusals are typed.</summary>
public sealed class ClientTests : ApiFixture
{
    private DistTrainClient Sdk() => new(new DistTrainClientOptions { Server = new Uri(Server.Link), Patience = TimeSpan.FromSeconds(30) });

    [Fact]
    public async Task A_link_is_enough_and_every_answer_of_the_cluster_arrives_as_it_was()
    {
        await using var sdk = Sdk();
        Cluster.Step(loss: double.NaN, norm: double.PositiveInfinity);
        Assert.Equal(Cluster.Status, await sdk.GetAsync("job-1"));
        Assert.Equal(Cluster.Status, Assert.Single(await sdk.ListAsync()));
        Assert.Equal(double.PositiveInfinity, Assert.Single(await sdk.WhyAsync("job-1")).DeadlineSeconds);
        Assert.True(double.IsNaN(Assert.Single(await sdk.CheckpointsAsync("job-1")).TestLoss));
        var point = Assert.Single((await sdk.MetricPageAsync("job-1", 0)).Points);
        Assert.Equal((double.NaN, double.PositiveInfinity, 1.0), (point.Loss, point.GradientNorm, point.ClippedNorm));
        var verdict = await sdk.DiagnoseAsync("job-1");
        var original = await Cluster.DiagnoseAsync("job-1");
        Assert.Equal((original.Name, original.Severity, original.Window, original.Advice.Count, original.ChecksSkipped.Count), (verdict.Name, verdict.Severity, verdict.Window, verdict.Advice.Count, verdict.ChecksSkipped.Count));
        Assert.Equal("v1", (await sdk.VersionAsync()).Api);
        Assert.Equal("healthy", (await sdk.HealthAsync()).Status);
    }

    [Fact]
    public async Task A_watch_goes_on_over_a_restart_of_the_server_without_a_gap_and_without_a_repeat()
    {
        var first = await DashboardServer.StartAsync(Cluster, Options());
        var options = Options();
        options.Listen = $"127.0.0.1:{first.Address.Port}";
        await using var sdk = new DistTrainClient(new DistTrainClientOptions { Server = first.Address, Token = Token });
        for (var i = 0; i < 5; i++) Cluster.Step();
        var seen = new List<long>();
        var waiting = new TrainingJob(sdk, "job-1", "job").WaitAsync();
        DashboardServer? second = null;
        await foreach (var point in new TrainingJob(sdk, "job-1", "job").WatchAsync())
        {
            seen.Add(point.Sequence);
            if (point.Sequence == 5)
            {
                await first.DisposeAsync();
                Cluster.Step();
                second = await DashboardServer.StartAsync(Cluster, options);
            }
            if (point.Sequence == 6)
            {
                Cluster.Step();
                Cluster.End();
            }
        }
        Assert.Equal([1, 2, 3, 4, 5, 6, 7], seen);
        Assert.Equal(JobStates.Succeeded, (await waiting).State);
        await second!.DisposeAsync();
    }

    [Theory]
    [InlineData(ClusterError.Invalid)]
    [InlineData(ClusterError.NotFound)]
    [InlineData(ClusterError.Conflict)]
    [InlineData(ClusterError.NotAllowed)]
    [InlineData(ClusterError.Unreachable)]
    public async Task A_refusal_comes_through_with_its_kind_and_all_its_problems(ClusterError error)
    {
        await using var sdk = Sdk();
        Cluster.Refusal = new ClusterException(error, ["one.", "two."]);
        var refused = await Assert.ThrowsAsync<ClusterException>(() => sdk.GetAsync("job-1"));
        Assert.Equal((error, "one.|two."), (refused.Error, string.Join("|", refused.Problems)));
        refused = await Assert.ThrowsAsync<ClusterException>(async () => { await foreach (var _ in sdk.EventsAsync("job-1")) { } });
        Assert.Equal(error, refused.Error);
    }

    [Fact]
    public async Task No_token_nobody_there_and_no_such_server_are_told_apart()
    {
        using var stranger = new DistTrainClient(Server.Address.ToString());
        Assert.Equal(ClusterError.NotAllowed, (await Assert.ThrowsAsync<ClusterException>(() => stranger.ListAsync())).Error);
        await Server.DisposeAsync();
        using var late = Sdk();
        var gone = await Assert.ThrowsAsync<ClusterException>(() => late.ListAsync());
        Assert.Equal(ClusterError.Unreachable, gone.Error);
        Assert.Contains("cannot be reached: Connection refused. See that it runs", gone.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_becomes_of_the_connection_is_told_once_for_each_turn()
    {
        var told = new System.Collections.Concurrent.ConcurrentQueue<ConnectionState>();
        var first = await DashboardServer.StartAsync(Cluster, Options());
        var options = Options();
        options.Listen = $"127.0.0.1:{first.Address.Port}";
        await using var sdk = new DistTrainClient(new DistTrainClientOptions { Server = first.Address, Token = Token, Connection = news => told.Enqueue(news.State) });
        Cluster.Step();
        Cluster.Event("one");
        DashboardServer? second = null;
        await Task.WhenAll(Events(), Metrics());
        await second!.DisposeAsync();
        // A server that stops may answer once more before it is gone.
        Assert.Equal(Enumerable.Range(0, told.Count).Select(i => i % 2 == 0 ? ConnectionState.Lost : ConnectionState.Back), told);
        Assert.Equal((true, ConnectionState.Back), (told.Count > 0, told.LastOrDefault()));

        async Task Events()
        {
            await foreach (var _ in sdk.EventsAsync("job-1")) { }
        }

        async Task Metrics()
        {
            await foreach (var point in sdk.MetricsAsync("job-1"))
            {
                if (point.Sequence == 2) Cluster.End();
                if (point.Sequence != 1) continue;
                await first.DisposeAsync();
                while (!sdk.IsLost) await Task.Yield();
                Cluster.Step();
                second = await DashboardServer.StartAsync(Cluster, options);
            }
        }
    }

    [Fact]
    public async Task A_request_that_is_not_answered_for_a_while_is_told_of_while_it_waits()
    {
        var told = new TaskCompletionSource<ConnectionNews>();
        using var sdk = new DistTrainClient(new DistTrainClientOptions { SlowAfter = TimeSpan.FromMilliseconds(20), Connection = news => told.TrySetResult(news), MakeTransport = () => new Silent() });
        using var stop = new CancellationTokenSource();
        var asking = sdk.ListAsync(stop.Token);
        var news = await told.Task.WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal((ConnectionState.Slow, TimeSpan.FromSeconds(30)), (news.State, news.Limit));
        Assert.False(asking.IsCompleted);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asking);
    }

    private sealed class Silent : HttpMessageHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
            throw new InvalidOperationException();
        }
    }

    [Fact]
    public async Task Cancelling_ends_a_watch_and_a_request()
    {
        await using var sdk = Sdk();
        Cluster.Step();
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var _ in sdk.MetricsAsync("job-1", 0, stop.Token)) stop.Cancel();
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sdk.ListAsync(stop.Token));
    }

    [Fact]
    public async Task A_job_that_failed_is_an_exception_where_success_was_waited_for()
    {
        await using var sdk = Sdk();
        Cluster.End();
        Assert.Equal(JobStates.Succeeded, (await (await sdk.JobAsync("job-1")).SucceedAsync()).State);
        Assert.Equal("job x has failed after step 3: no disk", new JobFailedException(new JobStatus { Job = "x", Name = "x", State = JobStates.Failed, Step = 3, Reason = "no disk" }).Message);
    }

    [Theory]
    [InlineData("")]
    [InlineData("http://")]
    [InlineData("ftp://gateway:7070")]
    [InlineData("http://gateway:port")]
    public void A_link_that_is_none_is_a_typed_refusal_that_says_what_it_must_be(string link)
    {
        var refused = Assert.Throws<ClusterException>(() => new DistTrainClient(link));
        Assert.Equal((ClusterError.Invalid, $"the server is \"{link}\". It must be an address such as https://gateway:7070, or the link that a server printed."), (refused.Error, refused.Message));
    }

    [Fact]
    public void A_link_may_lack_its_scheme_and_an_authority_that_cannot_be_read_is_a_typed_refusal()
    {
        Assert.Equal("http://gateway:7070/", new DistTrainClient("gateway:7070").Server.ToString());
        Assert.Equal(ClusterError.Invalid, Assert.Throws<ClusterException>(() => new DistTrainClient(new DistTrainClientOptions { AuthorityFile = "/none.pem" })).Error);
    }

    [Fact]
    public void It_registers_for_dependency_injection_once_and_as_the_cluster()
    {
        var services = new ServiceCollection();
        services.AddDistTrainClient(o => o.Server = new Uri("http://gateway:7070"));
        using var provider = services.BuildServiceProvider();
        Assert.Same(provider.GetRequiredService<DistTrainClient>(), provider.GetRequiredService<ITrainingCluster>());
        Assert.Equal("http://gateway:7070/", provider.GetRequiredService<DistTrainClient>().Server.ToString());
    }
}
