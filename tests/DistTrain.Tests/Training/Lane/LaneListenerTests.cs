using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using DistTrain.Training;

namespace DistTrain.Tests.Training;

public sealed class LaneListenerTests : IDisposable
{
    private static readonly DateTimeOffset _now = DateTimeOffset.FromUnixTimeSeconds(1_800_000_000);
    private readonly byte[] _key = LaneToken.NewClusterKey();
    private readonly BlockingCollection<OpenedStream> _opened = [];
    private readonly LaneListener _listener;

    public LaneListenerTests() => _listener = new LaneListener(new IPEndPoint(IPAddress.Loopback, 0), _key, "mnist", "identity", new FixedTime(), _opened.Add);

    public void Dispose()
    {
        _listener.Dispose();
        foreach (var stream in _opened) stream.Connection.Dispose();
        _opened.Dispose();
    }

    [Fact]
    public void A_good_token_opens_a_stream()
    {
        using var connection = Open(LaneToken.Issue(_key, "mnist", _now.AddMinutes(1)), number: 5);
        var stream = _opened.Take();
        Assert.Equal((1u, 5), (stream.Stream, stream.Number));
    }

    [Theory]
    [InlineData("expired")]
    [InlineData("other job")]
    [InlineData("other key")]
    [InlineData("other identity")]
    [InlineData("empty")]
    public void A_refusal_closes_the_stream_alone_and_says_why(string wrong)
    {
        var token = wrong switch
        {
            "expired" => LaneToken.Issue(_key, "mnist", _now),
            "other job" => LaneToken.Issue(_key, "cifar", _now.AddMinutes(1)),
            "other key" => LaneToken.Issue(LaneToken.NewClusterKey(), "mnist", _now.AddMinutes(1)),
            "empty" => [],
            _ => LaneToken.Issue(_key, "mnist", _now.AddMinutes(1)),
        };
        using var connection = Open(token, identity: wrong == "other identity" ? "another" : "identity");
        Assert.True(connection.TryReadHead(out var header));
        Assert.Equal((LaneKind.Refused, 1u), (header.Kind, header.Stream));
        var why = connection.ReadText(header);
        Assert.Contains(wrong switch { "expired" => "ended 0 ms ago", "other job" => "is for job cifar", "other key" => "not signed", "empty" => "has 0 bytes", _ => "is not this job" }, why, StringComparison.Ordinal);

        // The same connection may still open a stream it has the right to.
        Say(connection, 2, LaneToken.Issue(_key, "mnist", _now.AddMinutes(1)), "identity", 7);
        Assert.Equal((2u, 7), (_opened.Take().Stream, 7));
    }

    [Fact]
    public void Bad_framing_closes_the_connection()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 10_000 };
        socket.Connect(_listener.Endpoint);
        socket.Send(new byte[LaneHeader.Bytes]);
        Assert.True(IsClosed(socket));
    }

    [Fact]
    public void A_first_frame_that_is_not_Open_closes_the_connection()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 10_000 };
        socket.Connect(_listener.Endpoint);
        var head = new byte[LaneHeader.Bytes];
        new LaneHeader(LaneKind.Goodbye).Write(head);
        socket.Send(head);
        Assert.True(IsClosed(socket));
    }

    private static bool IsClosed(Socket socket)
    {
        try
        {
            return socket.Receive(new byte[1]) == 0;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode == SocketError.ConnectionReset;
        }
    }

    private LaneConnection Open(byte[] token, string identity = "identity", int number = 0)
    {
        var connection = LaneConnection.Connect(_listener.Endpoint);
        Say(connection, 1, token, identity, number);
        return connection;
    }

    private static void Say(LaneConnection connection, uint stream, byte[] token, string identity, int number) =>
        connection.Send(new LaneHeader(LaneKind.Open, stream, First: number), LaneListener.OpenPayload(token, identity));

    private sealed class FixedTime : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => _now;
    }
}
