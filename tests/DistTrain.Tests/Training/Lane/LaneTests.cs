using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using DistTrain.Kernels;
using DistTrain.Training;

namespace DistTrain.Tests.Training;

public sealed class LaneTests
{
    private static readonly LaneHeader _header = new(LaneKind.Gradient, 7, 3, 412, 4, 2, 9, 81600, 1024, 0x12345678);

    [Fact]
    public void A_head_is_read_as_it_was_written()
    {
        var head = new byte[LaneHeader.Bytes];
        _header.Write(head);
        Assert.Equal(_header, LaneHeader.Read(head));
    }

    [Fact]
    public void Every_flipped_bit_of_a_head_is_refused()
    {
        var head = new byte[LaneHeader.Bytes];
        _header.Write(head);
        for (var bit = 0; bit < 8 * head.Length; bit++)
        {
            head[bit / 8] ^= (byte)(1 << bit % 8);
            Assert.Throws<LaneFormatException>(() => LaneHeader.Read(head));
            head[bit / 8] ^= (byte)(1 << bit % 8);
        }
    }

    [Theory]
    [InlineData(48, int.MaxValue, "announces 2147483647 bytes")]
    [InlineData(48, -1, "announces -1 bytes")]
    [InlineData(48, LaneHeader.MaxPayloadBytes + 1, "It must be 0 to 1048576")]
    [InlineData(4, 0x00060002, "is of version 2")]
    [InlineData(4, 0x00630001, "is of kind 99")]
    [InlineData(56, 1, "reserved bytes are not zero")]
    public void A_head_with_a_good_checksum_is_still_not_believed(int at, int value, string why)
    {
        var head = new byte[LaneHeader.Bytes];
        _header.Write(head);
        BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(at), value);
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(60), Crc32C.Of(head.AsSpan(0, 60)));
        Assert.Contains(why, Assert.Throws<LaneFormatException>(() => LaneHeader.Read(head)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_control_frame_may_not_be_as_long_as_a_tensor_frame()
    {
        var head = new byte[LaneHeader.Bytes];
        (_header with { Kind = LaneKind.Open, PayloadBytes = LaneHeader.MaxControlBytes + 1 }).Write(head);
        Assert.Throws<LaneFormatException>(() => LaneHeader.Read(head));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(16320)]
    [InlineData(16321)]
    [InlineData(LaneHeader.MaxPayloadBytes)]
    public async Task Payloads_of_all_sizes_arrive_whole(int bytes)
    {
        using var pair = new ConnectedPair();
        var payload = new byte[bytes];
        for (var i = 0; i < bytes; i++) payload[i] = (byte)(i * 31 + i / 251);
        var sending = Task.Run(() =>
        {
            pair.Left.Send(_header, payload);
            pair.Left.Send(_header, payload);
        });
        var received = new byte[bytes];
        Assert.True(pair.Right.TryReadHead(out var header));
        pair.Right.ReadPayload(header, received);
        Assert.Equal(payload, received);
        Assert.True(pair.Right.TryReadHead(out header));
        pair.Right.SkipPayload(header);
        await sending;
        pair.Left.Close();
        Assert.False(pair.Right.TryReadHead(out _));
    }

    [Fact]
    public void A_frame_cut_at_any_byte_is_an_error_and_never_a_wait()
    {
        var frame = Frame(out var payloadBytes);
        for (var cut = 1; cut < frame.Length; cut++)
        {
            using var pair = new ConnectedPair();
            pair.LeftSocket.Send(frame.AsSpan(0, cut));
            pair.Left.Close();
            Assert.Throws<LaneFormatException>(() =>
            {
                if (pair.Right.TryReadHead(out var header)) pair.Right.ReadPayload(header, new byte[payloadBytes]);
            });
        }
    }

    [Fact]
    public void A_damaged_payload_is_found_whether_read_or_skipped()
    {
        var frame = Frame(out var payloadBytes);
        for (var i = LaneHeader.Bytes; i < frame.Length; i++)
        {
            frame[i] ^= 0x10;
            using var pair = new ConnectedPair();
            pair.LeftSocket.Send(frame);
            Assert.True(pair.Right.TryReadHead(out var header));
            var error = Assert.Throws<LaneFormatException>(() =>
            {
                if (i % 2 == 0) pair.Right.ReadPayload(header, new byte[payloadBytes]);
                else pair.Right.SkipPayload(header);
            });
            Assert.Contains("was damaged on the way", error.Message, StringComparison.Ordinal);
            frame[i] ^= 0x10;
        }
    }

    [Fact]
    public void Random_bytes_are_refused()
    {
        var random = new RandomStream(5, 1);
        var head = new byte[LaneHeader.Bytes];
        for (var run = 0; run < 20_000; run++)
        {
            for (var i = 0; i < head.Length; i++) head[i] = (byte)random.Next(256);
            if (run % 2 == 0) BinaryPrimitives.WriteUInt32LittleEndian(head, LaneHeader.Magic);
            Assert.Throws<LaneFormatException>(() => LaneHeader.Read(head));
        }
    }

    [Fact]
    public void A_token_opens_its_own_job_until_it_ends()
    {
        var (key, now) = (LaneToken.NewClusterKey(), DateTimeOffset.FromUnixTimeSeconds(1_800_000_000));
        var token = LaneToken.Issue(key, "mnist", now.AddSeconds(10));
        Assert.Null(LaneToken.Refusal(key, "mnist", token, now));
        Assert.Contains("ended 0 ms ago", LaneToken.Refusal(key, "mnist", token, now.AddSeconds(10)), StringComparison.Ordinal);
        Assert.Contains("is for job mnist. This stream is of job cifar", LaneToken.Refusal(key, "cifar", token, now), StringComparison.Ordinal);
        Assert.Contains("not signed with this cluster's key", LaneToken.Refusal(LaneToken.NewClusterKey(), "mnist", token, now), StringComparison.Ordinal);
        Assert.Contains("It must have 40 to 296", LaneToken.Refusal(key, "mnist", token.AsSpan(0, 39), now), StringComparison.Ordinal);
        Assert.Contains("It must have 40 to 296", LaneToken.Refusal(key, "mnist", new byte[1000], now), StringComparison.Ordinal);
        for (var i = 0; i < token.Length; i++)
        {
            token[i] ^= 1;
            Assert.NotNull(LaneToken.Refusal(key, "mnist", token, now));
            token[i] ^= 1;
        }
    }

    [Fact]
    public void The_last_credit_is_kept_for_the_lowest_missing_node()
    {
        var credits = new CreditWindow(3);
        Assert.True(credits.TryTake(lowestMissingNode: false));
        Assert.True(credits.TryTake(lowestMissingNode: false));
        Assert.False(credits.TryTake(lowestMissingNode: false));
        Assert.True(credits.TryTake(lowestMissingNode: true));
        Assert.False(credits.TryTake(lowestMissingNode: true));
        for (var i = 0; i < 3; i++) credits.Return();
        Assert.Throws<LaneFormatException>(credits.Return);
        Assert.Throws<LaneFormatException>(() => new CreditWindow(1));
    }

    private static byte[] Frame(out int payloadBytes)
    {
        var payload = Encoding.UTF8.GetBytes("a gradient of forty-two bytes, more or less");
        payloadBytes = payload.Length;
        var frame = new byte[LaneHeader.Bytes + payloadBytes];
        (_header with { PayloadBytes = payloadBytes, PayloadCrc = Crc32C.Of(payload) }).Write(frame);
        payload.CopyTo(frame, LaneHeader.Bytes);
        return frame;
    }

    private sealed class ConnectedPair : IDisposable
    {
        public ConnectedPair()
        {
            using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            listener.Listen(1);
            LeftSocket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            LeftSocket.Connect(listener.LocalEndPoint!);
            (Left, Right) = (new LaneConnection(LeftSocket), new LaneConnection(listener.Accept()));
        }

        public Socket LeftSocket { get; }

        public LaneConnection Left { get; }

        public LaneConnection Right { get; }

        public void Dispose()
        {
            Left.Dispose();
            Right.Dispose();
        }
    }
}
