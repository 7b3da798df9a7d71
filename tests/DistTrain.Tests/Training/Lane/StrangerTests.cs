using DistTrain.Kernels;
using DistTrain.Training;

namespace DistTrain.Tests.Training;

/// <summary>What a node does with a side that greets well and then sends what it should not: it closes that link, says why, keeps no memory, and goes on with the others.</summary>
public sealed class StrangerTests
{
    private static readonly byte[] _payload = [.. Enumerable.Range(0, 400).Select(i => (byte)i)];
    private static readonly byte[] _message = Stranger.Frame(new LaneFrame(LaneFrameKind.Message, 1, 1, MessageBytes: 400), [1, 2, 3, 4, 5], _payload);

    [Fact]
    public void A_message_cut_at_any_byte_ends_the_link_and_never_waits()
    {
        using var pair = new PeerPair();
        for (var cut = 1; cut < _message.Length; cut += cut < 80 ? 1 : 13)
        {
            using var stranger = Opened(pair);
            stranger.Send(_message.AsSpan(0, cut));
            stranger.End();
            Assert.Contains("before the end of a frame's", Inbox.Take(pair.RightInbox.Ended, "end").Why, StringComparison.Ordinal);
            stranger.AwaitClosed();
        }
        AssertWorks(pair);
    }

    [Fact]
    public void A_byte_damaged_anywhere_in_a_message_ends_the_link()
    {
        using var pair = new PeerPair();
        for (var at = 0; at < _message.Length; at += at is < 80 or > 460 ? 1 : 11)
        {
            using var stranger = Opened(pair);
            var damaged = (byte[])_message.Clone();
            damaged[at] ^= 0x40;
            stranger.Send(damaged);
            Assert.Contains("sent what is no frame", Inbox.Take(pair.RightInbox.Ended, "end").Why, StringComparison.Ordinal);
            stranger.AwaitClosed();
        }
        AssertWorks(pair);
    }

    public static TheoryData<string, string> Wrongs => new()
    {
        { "more than the stream takes", "Its stream takes at most 1000" },
        { "more credits than granted", "16 credits allow" },
        { "part of nothing", "It has not begun" },
        { "part at a wrong place", "It must go on at 400 of 900" },
        { "part of another length", "It must go on at 400 of 900" },
        { "message begun twice", "begins twice" },
        { "stream opened twice", "opened twice" },
        { "a number that is ours", "this side's to give" },
        { "opened what we never asked", "answered twice" },
        { "credits never given out", "though all 4 are here" },
        { "no credits at all", "0 credits come back" },
        { "a second greeting", "greeted already" },
        { "an Open without credits", "0 credits are granted" },
    };

    [Theory, MemberData(nameof(Wrongs))]
    public void What_no_node_says_ends_the_link_and_names_it(string wrong, string why)
    {
        using var pair = new PeerPair();
        using var stranger = Opened(pair);
        var begun = new LaneFrame(LaneFrameKind.Message, 1, 1, MessageBytes: 900);
        switch (wrong)
        {
            case "more than the stream takes": stranger.Send(new LaneFrame(LaneFrameKind.Message, 1, 1, MessageBytes: 1001), [], _payload); break;
            case "more credits than granted":
                for (uint i = 0; i < 17; i++) stranger.Send(begun with { Message = i }, [], _payload);
                break;
            case "part of nothing": stranger.Send(new LaneFrame(LaneFrameKind.Part, 1, 5, MessageBytes: 800, Offset: 400), [], _payload); break;
            case "part at a wrong place":
                stranger.Send(begun, [], _payload);
                stranger.Send(begun with { Kind = LaneFrameKind.Part, Offset = 500 }, [], _payload);
                break;
            case "part of another length":
                stranger.Send(begun, [], _payload);
                stranger.Send(begun with { Kind = LaneFrameKind.Part, Offset = 400, MessageBytes = 800 }, [], _payload);
                break;
            case "message begun twice":
                stranger.Send(begun, [], _payload);
                stranger.Send(begun, [], _payload);
                break;
            case "stream opened twice": stranger.Send(Stranger.Open(1)); break;
            case "a number that is ours": stranger.Send(Stranger.Open(2)); break;
            case "opened what we never asked": stranger.Send(new LaneFrame(LaneFrameKind.Opened, 1, Count: 4), [], []); break;
            case "credits never given out": stranger.Send(new LaneFrame(LaneFrameKind.Credit, 1, Count: 1), [], []); break;
            case "no credits at all": stranger.Send(new LaneFrame(LaneFrameKind.Credit, 1), [], []); break;
            case "a second greeting": stranger.Send(new LaneFrame(LaneFrameKind.Hello), [1, 2], []); break;
            default: stranger.Send(Stranger.Frame(new LaneFrame(LaneFrameKind.Open, 3), OpenFrame.Write("mnist", [], []), [])); break;
        }
        Assert.Contains(why, Inbox.Take(pair.RightInbox.Ended, "end").Why, StringComparison.Ordinal);
        stranger.AwaitClosed();
        AssertWorks(pair);
    }

    [Fact]
    public void Random_changes_to_a_good_conversation_end_at_most_its_own_link()
    {
        using var pair = new PeerPair();
        using var standing = pair.Floats(64);
        var stream = pair.Open();
        Inbox.Take(pair.RightInbox.Opened, "stream");
        byte[] talk =
        [
            .. _message, .. Stranger.Frame(new LaneFrame(LaneFrameKind.Message, 1, 2, MessageBytes: 900), [9], _payload), .. Stranger.Frame(new LaneFrame(LaneFrameKind.Alive), [], []),
            .. Stranger.Frame(new LaneFrame(LaneFrameKind.Part, 1, 2, MessageBytes: 900, Offset: 400), [], _payload), .. Stranger.Frame(new LaneFrame(LaneFrameKind.Part, 1, 2, MessageBytes: 900, Offset: 800), [], _payload.AsSpan(0, 100)),
            .. Stranger.Open(3), .. Stranger.Frame(new LaneFrame(LaneFrameKind.Message, 3, 1), [7], []), .. Stranger.Frame(new LaneFrame(LaneFrameKind.Closed, 3), "over"u8, []), .. Stranger.Frame(new LaneFrame(LaneFrameKind.Goodbye), "done"u8, []),
        ];
        var random = new RandomStream(17, 4);
        for (var run = 0; run < 150; run++)
        {
            var changed = talk.ToArray();
            for (var i = random.Next(4); i >= 0; i--) changed[random.Next(changed.Length)] = (byte)random.Next(256);
            // A head that lies is only found out by what it says: give half of the runs good checksums.
            if (run % 2 == 0) BitConverter.TryWriteBytes(changed.AsSpan(60), Crc32C.Of(changed.AsSpan(0, 60)));
            using var stranger = Opened(pair, $"stranger {run}");
            stranger.Send(changed.AsSpan(0, run % 3 == 0 ? random.Next(changed.Length) : changed.Length));
            stranger.End();
            stranger.AwaitClosed();
            while (pair.RightInbox.Messages.TryTake(out var taken)) taken.Message.Dispose();
        }
        Assert.True(stream.IsOpen);
        Assert.True(stream.Post([42], standing.View, null));
        LaneMessage message;
        do message = pair.RightInbox.Next();
        while (message.Control.Length != 1 || message.Control[0] != 42 || message.PayloadBytes != 256);
    }

    [Fact]
    public void A_stranger_without_the_key_or_without_a_word_gets_no_link()
    {
        using var pair = new PeerPair(options => options with { Patience = TimeSpan.FromMilliseconds(200) });
        using var silent = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.InterNetwork, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp) { ReceiveTimeout = 30_000 };
        silent.Connect(pair.Right.Endpoint);
        Assert.Equal(0, silent.Receive(new byte[1]));
        using var liar = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.InterNetwork, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp) { ReceiveTimeout = 30_000 };
        liar.Connect(pair.Right.Endpoint);
        liar.Send(Stranger.Frame(new LaneFrame(LaneFrameKind.Hello), new LaneGreeting("left", 1).ToControl(LaneToken.NewClusterKey(), "", DateTimeOffset.UtcNow), []));
        Assert.Equal(0, liar.Receive(new byte[1]));
        Assert.Empty(pair.Right.Links);
    }

    [Fact]
    public void A_node_that_was_started_again_replaces_its_old_links()
    {
        using var pair = new PeerPair();
        using var stranger = Opened(pair, "left");
        pair.Open();
        Assert.Contains("was started again", Inbox.Take(pair.RightInbox.Ended, "end").Why, StringComparison.Ordinal);
        stranger.AwaitClosed();
    }

    private static Stranger Opened(PeerPair pair, string name = "stranger")
    {
        pair.RightInbox.Answer = (stream, _) =>
        {
            stream.MaxPayloadBytes = 1000;
            return null;
        };
        var stranger = new Stranger(pair.Right, name);
        stranger.Send(Stranger.Open(1));
        while (stranger.ReadFrame().Kind != LaneFrameKind.Opened) { }
        return stranger;
    }

    private static void AssertWorks(PeerPair pair)
    {
        while (pair.RightInbox.Messages.TryTake(out var taken)) taken.Message.Dispose();
        pair.Open().Post([77]);
        Assert.Equal(77, pair.RightInbox.Next().Control[0]);
    }
}
