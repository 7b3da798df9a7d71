using System.Globalization;
using DistTrain.Client;

namespace DistTrain.Cli;

/// <summary>Says at once that the server has gone and what is being tried, then again at growing intervals, and when it is back.</summary>
internal sealed class ConnectionLines(TextWriter error) : IDisposable
{
    private static readonly TimeSpan First = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(20);

    private readonly Lock _gate = new();
    private Timer? _again;

    public void Tell(ConnectionNews news)
    {
        lock (_gate)
        {
            Silence();
            switch (news.State)
            {
                case ConnectionState.Slow:
                    error.WriteLine($"{news.Why}; waiting up to {Seconds(news.Limit)} s");
                    break;
                case ConnectionState.Lost:
                    error.WriteLine($"lost the server: {news.Why} Trying again for {Seconds(news.Limit)} s.");
                    Again(news, First, First);
                    break;
                default:
                    error.WriteLine($"the server answers again after {Seconds(news.For)} s");
                    break;
            }
        }
    }

    public void Dispose()
    {
        lock (_gate) Silence();
    }

    private void Again(ConnectionNews news, TimeSpan after, TimeSpan pause)
    {
        _again = new Timer(_ =>
        {
            lock (_gate)
            {
                if (_again is null) return;
                Silence();
                error.WriteLine($"lost the server {Seconds(after)} s ago: {news.Server} still does not answer; trying again, up to {Seconds(news.Limit)} s");
                var next = pause * 2 < Longest ? pause * 2 : Longest;
                if (after + next < news.Limit) Again(news, after + next, next);
            }
        }, null, pause, Timeout.InfiniteTimeSpan);
    }

    private void Silence()
    {
        _again?.Dispose();
        _again = null;
    }

    private static string Seconds(TimeSpan time) => time.TotalSeconds.ToString(time.TotalSeconds < 2 ? "0.#" : "F0", CultureInfo.InvariantCulture);
}
