using DistTrain.Cli;
using DistTrain.Dashboard;
using DistTrain.Tests.Dashboard;

namespace DistTrain.Tests.Cli;

/// <summary>What the verbs that wait say when the server goes away under them.</summary>
public sealed class LostServerTests : CommandFixture
{
    private readonly ScriptedCluster _cluster = new();

    [Theory]
    [InlineData("logs", "-f", "job-1")]
    [InlineData("submit", "--wait", "FILE")]
    public async Task A_server_that_goes_is_told_at_once_and_ends_the_wait_with_4_and_no_claim_about_the_job(params string[] verb)
    {
        var server = await DashboardServer.StartAsync(_cluster, new DashboardOptions());
        var job = Write("job.yaml", "any\n");
        _cluster.Event("the first word");
        using var said = new Listening();
        var ending = DistTrainCommand.RunAsync([.. verb.Select(v => v == "FILE" ? job : v), "--server", server.Link, "--patience", "2"], said, said);
        await said.Line("the first word");
        var stopping = server.DisposeAsync();
        await said.Line("lost the server: ");
        Assert.False(ending.IsCompleted, said.ToString());
        Assert.Equal(ExitCode.Unreachable, await ending);
        await stopping;
        var text = said.ToString();
        Assert.Contains("Trying again for 2 s.", text, StringComparison.Ordinal);
        Assert.Contains($"the state of job-1 is not known: {server.Address} cannot be reached", text, StringComparison.Ordinal);
        Assert.DoesNotContain("job-1 trains on", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stop_that_waits_does_the_same()
    {
        var server = await DashboardServer.StartAsync(_cluster, new DashboardOptions());
        using var said = new Listening();
        var ending = DistTrainCommand.RunAsync(["stop", "job-1", "--wait", "--server", server.Link, "--patience", "1"], said, said);
        while (_cluster.Commands.Count == 0) await Task.Yield();
        await server.DisposeAsync();
        Assert.Equal(ExitCode.Unreachable, await ending);
        Assert.Contains("the state of job-1 is not known", said.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Interrupted_while_the_server_is_lost_it_does_not_say_that_the_job_trains_on()
    {
        var server = await DashboardServer.StartAsync(_cluster, new DashboardOptions());
        _cluster.Event("the first word");
        using var said = new Listening();
        using var interrupt = new CancellationTokenSource();
        var ending = DistTrainCommand.RunAsync(["submit", Write("job.yaml", "any\n"), "--wait", "--server", server.Link], said, said, interrupt.Token);
        await said.Line("the first word");
        await server.DisposeAsync();
        await said.Line("lost the server: ");
        await interrupt.CancelAsync();
        Assert.Equal(ExitCode.Interrupted, await ending);
        Assert.Contains("did not answer: the state of job-1 is not known", said.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("trains on.", said.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_comes_back_is_told_too_and_the_wait_goes_on()
    {
        var server = await DashboardServer.StartAsync(_cluster, new DashboardOptions());
        _cluster.Event("the first word");
        using var said = new Listening();
        var ending = DistTrainCommand.RunAsync(["logs", "-f", "job-1", "--server", server.Link], said, said);
        await said.Line("the first word");
        await server.DisposeAsync();
        await said.Line("lost the server: ");
        await using var again = await DashboardServer.StartAsync(_cluster, new DashboardOptions { Listen = $"127.0.0.1:{server.Address.Port}", Token = server.Token });
        await said.Line("the server answers again after");
        _cluster.Event("the last word");
        _cluster.End();
        Assert.Equal(0, await ending);
        Assert.Contains("the last word", said.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Patience_has_bounds() =>
        Assert.Contains("--patience is 0. It must be 1 to 604800 seconds.", (await Run("logs", "-f", "job-1", "--patience", "0", "--server", "http://127.0.0.1:1")).Error, StringComparison.Ordinal);

    /// <summary>Lets a test wait for a line that the command writes.</summary>
    private sealed class Listening : StringWriter
    {
        private readonly Lock _gate = new();
        private readonly List<(string Word, TaskCompletionSource Heard)> _waits = [];

        public override void WriteLine(string? value)
        {
            lock (_gate)
            {
                base.WriteLine(value);
                foreach (var (word, heard) in _waits)
                    if (value!.Contains(word, StringComparison.Ordinal)) heard.TrySetResult();
            }
        }

        public override string ToString()
        {
            lock (_gate) return base.ToString();
        }

        public async Task Line(string word)
        {
            var heard = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            lock (_gate)
            {
                if (base.ToString().Contains(word, StringComparison.Ordinal)) return;
                _waits.Add((word, heard));
            }
            await heard.Task.WaitAsync(TimeSpan.FromSeconds(60));
        }
    }
}
