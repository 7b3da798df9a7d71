using System.Buffers.Binary;
using DistTrain.Kernels;
using DistTrain.Training;

namespace DistTrain.Tests.Training;

public sealed class LaneFrameTests
{
    private static readonly LaneFrame _message = new(LaneFrameKind.Message, 7, 3, 120, 4096, 5_000_000, 0, 0, 0x1234);

    [Fact]
    public void A_head_is_read_as_it_was_written()
    {
        var head = new byte[LaneFrame.HeadBytes];
        foreach (var frame in new[] { _message, new LaneFrame(LaneFrameKind.Part, 9, 3, 0, 1, 10, 9), new LaneFrame(LaneFrameKind.Credit, 1, Count: 5), new LaneFrame(LaneFrameKind.Alive) })
        {
            frame.Write(head);
            Assert.Equal(frame, LaneFrame.Read(head));
        }
    }

    [Fact]
    public void Every_flipped_bit_of_a_head_is_refused()
    {
        var head = new byte[LaneFrame.HeadBytes];
        _message.Write(head);
        for (var bit = 0; bit < 8 * head.Length; bit++)
        {
            head[bit / 8] ^= (byte)(1 << bit % 8);
            Assert.Throws<LaneFormatException>(() => LaneFrame.Read(head));
            head[bit / 8] ^= (byte)(1 << bit % 8);
        }
    }

    [Theory]
    [InlineData(4, 0x00050002, "is of version 2")]
    [InlineData(4, 0x00630001, "is of kind 99")]
    [InlineData(4, 0x00000001, "is of kind 0")]
    [InlineData(16, -1, "announces -1 bytes of control")]
    [InlineData(16, LaneFrame.MaxControlBytes + 1, "announces 65537 bytes of control")]
    [InlineData(20, int.MaxValue, "announces 2147483647 bytes of payload")]
    [InlineData(20, -5, "announces -5 bytes of payload")]
    [InlineData(20, 0, "holds no byte of a payload that it announces")]
    [InlineData(24, -1, "Its message has -1")]
    [InlineData(24, 4095, "Its message has 4095")]
    [InlineData(28, 1, "from byte 1 on")]
    [InlineData(28, int.MinValue, "from byte -2147483648 on")]
    [InlineData(40, 1, "reserved bytes are not zero")]
    [InlineData(56, 1 << 24, "reserved bytes are not zero")]
    public void A_head_with_a_good_checksum_is_still_not_believed(int at, int value, string why)
    {
        var head = new byte[LaneFrame.HeadBytes];
        _message.Write(head);
        BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(at), value);
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(60), Crc32C.Of(head.AsSpan(0, 60)));
        Assert.Contains(why, Assert.Throws<LaneFormatException>(() => LaneFrame.Read(head)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Control_frames_hold_no_payload_and_parts_no_control()
    {
        var head = new byte[LaneFrame.HeadBytes];
        foreach (var frame in new[]
        {
            new LaneFrame(LaneFrameKind.Open, 1, PayloadBytes: 1, MessageBytes: 1), new LaneFrame(LaneFrameKind.Alive, PayloadBytes: 4, MessageBytes: 4),
            new LaneFrame(LaneFrameKind.Part, 1, 1, 1, 1, 10, 5), new LaneFrame(LaneFrameKind.Part, 1, 1, 0, 0, 10, 5), new LaneFrame(LaneFrameKind.Part, 1, 1, 0, 5, 10, 0),
        })
        {
            frame.Write(head);
            Assert.Throws<LaneFormatException>(() => LaneFrame.Read(head));
        }
    }

    [Fact]
    public void Random_bytes_are_refused()
    {
        var random = new RandomStream(5, 2);
        var head = new byte[LaneFrame.HeadBytes];
        for (var run = 0; run < 20_000; run++)
        {
            for (var i = 0; i < head.Length; i++) head[i] = (byte)random.Next(256);
            if (run % 2 == 0) BinaryPrimitives.WriteUInt32LittleEndian(head, LaneFrame.Magic);
            Assert.Throws<LaneFormatException>(() => LaneFrame.Read(head));
        }
    }

    [Fact]
    public void An_Open_cut_or_lying_anywhere_is_refused()
    {
        var open = OpenFrame.Write("mnist", [1, 2, 3], "hello"u8);
        OpenFrame.Read(open, out var job, out var token, out var greeting);
        Assert.Equal(("mnist", 3, 5), (job, token.Length, greeting.Length));
        for (var cut = 0; cut < 2 + 5 + 2 + 3; cut++) Assert.Throws<LaneFormatException>(() => OpenFrame.Read(open.AsSpan(0, cut), out _, out _, out _));
        open[1] = 0xff;
        Assert.Throws<LaneFormatException>(() => OpenFrame.Read(open, out _, out _, out _));
    }
}
