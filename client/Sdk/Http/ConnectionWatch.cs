using System.Diagnostics;

namespace DistTrain.Client;

/// <summary>Whether a server is there, over all that is asked of it: the first request or stream that fails loses it, the first that is answered has it back.</summary>
internal sealed class ConnectionWatch(Uri server, TimeSpan patience)
{
    private readonly Lock _gate = new();
    private long _lostAt;
    private bool _lost;

    public Action<ConnectionNews>? Tell { get; set; }

    public bool IsLost
    {
        get { lock (_gate) return _lost; }
    }

    /// <summary>How much longer it is tried again; all of it while it is there.</summary>
    public TimeSpan Remaining
    {
        get { lock (_gate) return _lost ? patience - Stopwatch.GetElapsedTime(_lostAt) : patience; }
    }

    public void Lost(string why)
    {
        lock (_gate)
        {
            if (_lost) return;
            (_lost, _lostAt) = (true, Stopwatch.GetTimestamp());
        }
        Tell?.Invoke(new ConnectionNews(server, ConnectionState.Lost, why, TimeSpan.Zero, patience));
    }

    public void Answered()
    {
        TimeSpan after;
        lock (_gate)
        {
            if (!_lost) return;
            (_lost, after) = (false, Stopwatch.GetElapsedTime(_lostAt));
        }
        Tell?.Invoke(new ConnectionNews(server, ConnectionState.Back, "", after, patience));
    }

    public void Slow(TimeSpan silent, TimeSpan limit)
    {
        if (!IsLost) Tell?.Invoke(new ConnectionNews(server, ConnectionState.Slow, $"{server} has not answered for {silent.TotalSeconds:F0} s", silent, limit));
    }
}
