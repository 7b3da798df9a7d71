using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace DistTrain.Tests.Learning.Data.Download;

/// <summary>An HTTP server on loopback that says, byte for byte, what a test lets it say, one request a connection.</summary>
public sealed class LoopbackServer : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentQueue<Func<Request, byte[]>> _answers = new();
    private readonly CancellationTokenSource _stop = new();

    public LoopbackServer()
    {
        _listener.Start();
        Address = new Uri($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/set/");
        _ = Serve();
    }

    public readonly record struct Request(string Path, long? From);

    public Uri Address { get; }

    public ConcurrentQueue<Request> Requests { get; } = new();

    /// <summary>What follows when no answer was set for a request; at first, 404.</summary>
    public Func<Request, byte[]> Otherwise { get; set; } = _ => Response("404 Not Found", []);

    /// <summary>Answers to the next requests, in order; the connection closes after each.</summary>
    public void Then(params Func<Request, byte[]>[] answers) => Array.ForEach(answers, _answers.Enqueue);

    public static byte[] Response(string status, byte[] body, params string[] headers) =>
        [.. Encoding.ASCII.GetBytes($"HTTP/1.1 {status}\r\nConnection: close\r\n{string.Concat(headers.Select(header => header + "\r\n"))}\r\n"), .. body];

    /// <summary>The whole file, or its rest where Range asks for it; at most <paramref name="most"/> bytes of it before the connection breaks.</summary>
    public static Func<Request, byte[]> File(byte[] content, int most = int.MaxValue, bool ranges = true) => request =>
    {
        var from = ranges ? (int)(request.From ?? 0) : 0;
        var body = content[from..][..Math.Min(most, content.Length - from)];
        var length = $"Content-Length: {content.Length - from}";
        return ranges && request.From is not null
            ? Response("206 Partial Content", body, length, $"Content-Range: bytes {from}-{content.Length - 1}/{content.Length}")
            : Response("200 OK", body, length);
    };

    public void Dispose()
    {
        _stop.Cancel();
        _listener.Stop();
        _stop.Dispose();
    }

    private async Task Serve()
    {
        try
        {
            while (true)
            {
                using var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                try
                {
                    await Answer(client.GetStream());
                }
                catch (IOException)
                {
                    // The client hung up in the middle, as some tests want it to.
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or SocketException)
        {
            // Disposed.
        }
    }

    private async Task Answer(NetworkStream stream)
    {
        using var reader = new StreamReader(stream, Encoding.ASCII, leaveOpen: true);
        var path = (await reader.ReadLineAsync(_stop.Token))?.Split(' ')[1] ?? "";
        long? from = null;
        while (await reader.ReadLineAsync(_stop.Token) is { Length: > 0 } header)
            if (header.StartsWith("Range: bytes=", StringComparison.OrdinalIgnoreCase)) from = long.Parse(header["Range: bytes=".Length..].TrimEnd('-'));
        var request = new Request(path, from);
        Requests.Enqueue(request);
        await stream.WriteAsync((_answers.TryDequeue(out var answer) ? answer : Otherwise)(request), _stop.Token);
    }
}
