using System.Threading.Channels;
using DistTrain.Client;
using DistTrain.Contracts;

namespace DistTrain.Cli;

/// <summary>A job's events and evaluations in one stream of lines, and a line of progress for each percent, until it ends.</summary>
internal static class JobFollower
{
    public static async Task FollowAsync(DistTrainClient client, string job, Terminal terminal, CancellationToken cancellation)
    {
        var lines = Channel.CreateUnbounded<object>(new UnboundedChannelOptions { SingleReader = true });
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var readers = Task.WhenAll(ReadAsync(client.EventsAsync(job, 0, ended.Token)), ReadAsync(client.MetricsAsync(job, 0, ended.Token)));
        // Both may lose the server at once: either's word is the whole news, an aggregate of the two is none.
        var closing = readers.ContinueWith(done => lines.Writer.TryComplete(done.Exception?.InnerExceptions[0]), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        var (status, percent) = (await client.GetAsync(job, cancellation).ConfigureAwait(false), 0L);
        try
        {
            await foreach (var line in lines.Reader.ReadAllAsync(cancellation).ConfigureAwait(false))
            {
                switch (line)
                {
                    case TrainingEvent happened:
                        JobVerbs.Write(terminal, happened);
                        break;
                    case MetricPoint { Kind: "evaluation" } point:
                        if (terminal.Json) JobText.WriteJson(terminal, point, ClusterJson.Plain.MetricPoint);
                        else terminal.Out.WriteLine(JobText.Of(point));
                        break;
                    case MetricPoint point when status.TotalSteps > 0 && 100 * point.Step / status.TotalSteps > percent:
                        percent = 100 * point.Step / status.TotalSteps;
                        terminal.Error.WriteLine($"{percent,3} %  {JobText.Of(point)}");
                        break;
                    default:
                        break;
                }
            }
        }
        finally
        {
            await ended.CancelAsync().ConfigureAwait(false);
            await closing.ConfigureAwait(false);
        }

        async Task ReadAsync<T>(IAsyncEnumerable<T> items) where T : class
        {
            try
            {
                await foreach (var item in items.ConfigureAwait(false)) await lines.Writer.WriteAsync(item, ended.Token).ConfigureAwait(false);
            }
            catch
            {
                // One that fails ends the other: half of what happened is not the whole.
                await ended.CancelAsync().ConfigureAwait(false);
                throw;
            }
        }
    }
}
