using DistTrain.Kernels;
using DistTrain.Training;

namespace DistTrain.Tests.Training;

public sealed class LanePeerTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(16)]
    [InlineData(65_536)]
    [InlineData(LaneFrame.MaxPayloadBytes / 4)]
    [InlineData(LaneFrame.MaxPayloadBytes / 4 + 1)]
    [InlineData(3_000_001)]
    public void A_message_of_any_size_arrives_whole_with_its_control_bytes(int elements)
    {
        using var pair = new PeerPair();
        var stream = pair.Open();
        using var payload = pair.Floats(Math.Max(1, elements));
        Assert.True(elements == 0 ? stream.Post([1, 2, 3]) : stream.Post([1, 2, 3], payload.View, null));
        using var message = pair.RightInbox.Next();
        Assert.Equal([1, 2, 3], message.Control.ToArray());
        Assert.Equal(elements * 4, message.PayloadBytes);
        if (elements == 0) return;
        Assert.True(payload.View.AsSpan().SequenceEqual(message.Elements.AsSpan()));
        unsafe
        {
            Assert.Equal(0, (nint)message.Elements.Floats() % 64);
        }
    }

    [Fact]
    public void Pieces_arrive_as_one_and_the_owner_is_let_go_once()
    {
        using var pair = new PeerPair();
        var stream = pair.Open();
        using var all = pair.Floats(2_500_000);
        var owner = new Owner();
        Assert.True(stream.Post([7], [all.View.Part(0, 3), all.View.Part(3, 1_999_997), all.View.Part(2_000_000, 500_000)], owner));
        using var message = pair.RightInbox.Next();
        Assert.True(all.View.AsSpan().SequenceEqual(message.Elements.AsSpan()));
        owner.AwaitDisposed();
        Assert.Equal(1, owner.Disposed);
    }

    [Fact]
    public void Both_sides_talk_on_one_stream_and_control_overtakes_tensors()
    {
        using var pair = new PeerPair();
        var left = pair.Open();
        var right = Inbox.Take(pair.RightInbox.Opened, "stream");
        using var payload = pair.Floats(10_000_000);
        Assert.True(right.Post([1], payload.View, null));
        Assert.True(right.Post([2]));
        Assert.True(left.Post([3]));
        Assert.Equal([3], pair.RightInbox.Next().Control.ToArray());
        Assert.Equal([2], pair.LeftInbox.Next().Control.ToArray());
        using var message = pair.LeftInbox.Next();
        Assert.Equal([1], message.Control.ToArray());
        Assert.Equal(40_000_000, message.PayloadBytes);
    }

    [Fact]
    public void Credits_bound_what_is_under_way_and_the_last_is_for_the_lowest_missing_node()
    {
        using var pair = new PeerPair(options => options with { Credits = 3 });
        var stream = pair.Open();
        using var payload = pair.Floats(4);
        for (byte i = 0; i < 5; i++) Assert.True(stream.Post([i], payload.View, null));
        var (first, second) = (pair.RightInbox.Next(), pair.RightInbox.Next());
        Assert.Equal((0, 1), (first.Control[0], second.Control[0]));
        // The third credit is not for these; a message without payload shows that nothing else is on its way.
        stream.Post([9]);
        Assert.Equal(9, pair.RightInbox.Next().Control[0]);
        stream.Post([8], payload.View, null, lowestMissing: true);
        var lowest = pair.RightInbox.Next();
        Assert.Equal(8, lowest.Control[0]);
        first.Dispose();
        second.ReturnCredit();
        lowest.Dispose();
        for (byte i = 2; i < 5; i++)
        {
            using var next = pair.RightInbox.Next();
            Assert.Equal(i, next.Control[0]);
        }
        Assert.Equal(4, second.Elements.Length);
        second.Dispose();
    }

    [Fact]
    public void A_link_is_used_again_and_streams_of_several_jobs_share_it()
    {
        using var pair = new PeerPair();
        var link = pair.Connect();
        Assert.Same(link, pair.Connect());
        Assert.Equal("right", link.Node);
        var one = link.Open("mnist", pair.Token, []);
        var two = link.Open("cifar", pair.Left.TokenFor("cifar", DateTimeOffset.UtcNow.AddMinutes(1)), []);
        one.Post([1]);
        two.Post([2]);
        Assert.Equal([("mnist", 1), ("cifar", 2)], [Received(pair), Received(pair)]);
        // The other side finds the link that was made to it.
        var back = pair.Right.Connect(pair.Left.Endpoint, "left").Open("mnist", pair.Token, []);
        back.Post([3]);
        Assert.Equal(3, pair.LeftInbox.Next().Control[0]);
        Assert.Single(pair.Right.Links);
    }

    [Fact]
    public void A_stream_that_is_closed_tells_the_other_side_why_and_takes_nothing_more()
    {
        using var pair = new PeerPair();
        var stream = pair.Open();
        var other = Inbox.Take(pair.RightInbox.Opened, "stream");
        stream.Close("the job moved");
        Assert.Equal("the job moved", Inbox.Take(pair.RightInbox.Ended, "end").Why);
        Assert.False(other.Post([1]));
        Assert.False(stream.IsOpen);
        var owner = new Owner();
        using var payload = pair.Floats(4);
        Assert.False(stream.Post([1], payload.View, owner));
        Assert.Equal(1, owner.Disposed);
        // The link stands: the next stream works.
        pair.Open().Post([5]);
        Assert.Equal(5, pair.RightInbox.Next().Control[0]);
        Assert.Empty(pair.LeftInbox.Ended);
    }

    [Fact]
    public void A_node_that_ends_says_so_on_every_stream()
    {
        using var pair = new PeerPair();
        pair.Open();
        pair.Right.Dispose();
        Assert.Equal("node right leaves: node right ends", Inbox.Take(pair.LeftInbox.Ended, "end").Why);
    }

    [Fact]
    public void What_is_posted_while_the_other_side_opens_follows_the_answer()
    {
        using var pair = new PeerPair();
        using var payload = pair.Floats(100);
        pair.RightInbox.Answer = (stream, greeting) =>
        {
            stream.MaxPayloadBytes = 1000;
            return stream.Post(greeting) && stream.Post([2], payload.View, null) ? null : "it is closed";
        };
        pair.Open();
        Assert.Equal("hello"u8.ToArray(), pair.LeftInbox.Next().Control.ToArray());
        Assert.Equal(400, pair.LeftInbox.Next().PayloadBytes);
    }

    [Fact]
    public void A_link_is_refused_to_another_name_and_to_another_key()
    {
        using var pair = new PeerPair();
        Assert.Contains("node right answers. It must be middle", Assert.Throws<LaneLostException>(() => pair.Left.Connect(pair.Right.Endpoint, "middle")).Message, StringComparison.Ordinal);
        using var device = new CpuDevice(1, null);
        using var stranger = new LanePeer(new LanePeerOptions("stranger", LaneToken.NewClusterKey(), device), new Inbox());
        Assert.Contains("does not greet", Assert.Throws<LaneLostException>(() => stranger.Connect(pair.Right.Endpoint, "right")).Message, StringComparison.Ordinal);
        Assert.Contains("cannot be reached", Assert.Throws<LaneLostException>(() => stranger.Connect(new(System.Net.IPAddress.Loopback, 1), "right")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("other job", "is for job cifar")]
    [InlineData("expired", "ended")]
    [InlineData("other key", "not signed")]
    [InlineData("receiver", "no such job here")]
    public void A_refusal_closes_the_stream_alone_and_says_why(string wrong, string why)
    {
        using var pair = new PeerPair();
        var token = wrong switch
        {
            "other job" => pair.Left.TokenFor("cifar", DateTimeOffset.UtcNow.AddMinutes(1)),
            "expired" => pair.Left.TokenFor("mnist", DateTimeOffset.UtcNow.AddMinutes(-1)),
            "other key" => LaneToken.Issue(LaneToken.NewClusterKey(), "mnist", DateTimeOffset.UtcNow.AddMinutes(1)),
            _ => pair.Token,
        };
        if (wrong == "receiver") pair.RightInbox.Answer = (_, _) => "no such job here";
        var link = pair.Connect();
        Assert.Contains(why, Assert.Throws<LaneLostException>(() => link.Open("mnist", token, [])).Message, StringComparison.Ordinal);
        pair.RightInbox.Answer = (_, _) => null;
        link.Open("mnist", pair.Token, []).Post([1]);
        Assert.Equal(1, pair.RightInbox.Next().Control[0]);
    }

    [Fact]
    public void Buffers_are_used_again()
    {
        using var pair = new PeerPair();
        var stream = pair.Open();
        using var payload = pair.Floats(1 << 18);
        for (var i = 0; i < 50; i++)
        {
            stream.Post([1], payload.View, null);
            pair.RightInbox.Next().Dispose();
        }
        Assert.InRange(pair.Right.Pool.KeptBytes, 1 << 20, 4 << 20);
    }

    [Fact]
    public void Options_that_cannot_be_are_all_named()
    {
        using var device = new CpuDevice(1, null);
        var error = Assert.Throws<ArgumentException>(() => new LanePeer(new LanePeerOptions("", [1], device) { Credits = 1, MaxPayloadBytes = 0, Patience = TimeSpan.Zero }, new Inbox()));
        foreach (var what in new[] { "name has 0 bytes", "cluster key has 1 bytes", "credits is 1", "maxPayloadBytes is 0", "patience is 00:00:00" })
            Assert.Contains(what, error.Message, StringComparison.Ordinal);
    }

    private static (string, int) Received(PeerPair pair)
    {
        var (stream, message) = Inbox.Take(pair.RightInbox.Messages, "message");
        return (stream.Job, message.Control[0]);
    }

    private sealed class Owner : IDisposable
    {
        private readonly ManualResetEventSlim _over = new();
        private int _disposed;

        public int Disposed => Volatile.Read(ref _disposed);

        public void AwaitDisposed() => Assert.True(_over.Wait(TimeSpan.FromSeconds(30)), "the owner was not disposed of within 30 s");

        public void Dispose()
        {
            Interlocked.Increment(ref _disposed);
            _over.Set();
        }
    }
}
