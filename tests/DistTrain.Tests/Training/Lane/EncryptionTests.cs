using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DistTrain.Kernels;
using DistTrain.Training;

namespace DistTrain.Tests.Training;

public sealed class EncryptionTests
{
    private static readonly DateTimeOffset _now = DateTimeOffset.UtcNow;

    [Fact]
    public void An_encrypted_lane_needs_no_certificate_of_anybodys()
    {
        using var pair = new PeerPair(options => options with { Encryption = LaneEncryption.Always });
        var stream = pair.Open();
        using var payload = pair.Floats(3_000_000);
        stream.Post([1], payload.View, null);
        stream.Post([2]);
        Assert.Equal([2], pair.RightInbox.Next().Control.ToArray());
        using var message = pair.RightInbox.Next();
        Assert.True(payload.View.AsSpan().SequenceEqual(message.Elements.AsSpan()));
    }

    [Fact]
    public void Certificates_of_an_authority_are_demanded_where_it_is_named()
    {
        var (authority, good) = Issue("one");
        var (_, other) = Issue("another");
        using var pair = new PeerPair(options => options with { Encryption = LaneEncryption.Always, Certificate = new LaneCertificate(good, [authority]) });
        pair.Open().Post([1]);
        Assert.Equal(1, pair.RightInbox.Next().Control[0]);
        using var device = new CpuDevice(1, null);
        using var stranger = new LanePeer(new LanePeerOptions("stranger", PeerPair.Key, device) { Encryption = LaneEncryption.Always, Certificate = new LaneCertificate(other) }, new Inbox());
        Assert.Throws<LaneLostException>(() => stranger.Connect(pair.Right.Endpoint, "right"));
        Assert.Contains("does not shake hands", Assert.Throws<LaneLostException>(() => pair.Left.Connect(stranger.Endpoint, "stranger")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_greeting_from_another_connection_does_not_hold()
    {
        var greeting = new LaneGreeting("left", 5).ToControl(PeerPair.Key, "certificate A", _now);
        Assert.Equal("left", LaneGreeting.Read(greeting, PeerPair.Key, "certificate A", _now).Node);
        Assert.Contains("does not hold", Assert.Throws<LaneFormatException>(() => LaneGreeting.Read(greeting, PeerPair.Key, "certificate B", _now)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Plain_and_encrypted_do_not_meet()
    {
        using var pair = new PeerPair(options => options with { Encryption = options.Name == "left" ? LaneEncryption.Always : LaneEncryption.BeyondLoopback, Patience = TimeSpan.FromSeconds(2) });
        Assert.Throws<LaneLostException>(() => pair.Left.Connect(pair.Right.Endpoint, "right"));
        Assert.Throws<LaneLostException>(() => pair.Right.Connect(pair.Left.Endpoint, "left"));
    }

    [Fact]
    public void A_plain_lane_beyond_loopback_is_refused()
    {
        using var device = new CpuDevice(1, null);
        var options = new LanePeerOptions("left", PeerPair.Key, device) { Encryption = LaneEncryption.Never, Listen = new IPEndPoint(IPAddress.Any, 0) };
        Assert.Contains("A plain lane is for loopback only", Assert.Throws<ArgumentException>(() => new LanePeer(options, new Inbox())).Message, StringComparison.Ordinal);
        Assert.True(new LanePeerOptions("left", PeerPair.Key, device).Encrypts(IPAddress.Parse("10.0.0.1")));
        Assert.False(new LanePeerOptions("left", PeerPair.Key, device).Encrypts(IPAddress.Parse("127.0.0.7")));
        Assert.True(options.Encrypts(IPAddress.Parse("10.0.0.1")));
    }

    private static (X509Certificate2 Authority, X509Certificate2 Issued) Issue(string name)
    {
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var authorityRequest = new CertificateRequest($"CN=authority {name}", authorityKey, HashAlgorithmName.SHA256);
        authorityRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        var authority = authorityRequest.CreateSelfSigned(_now.AddDays(-1), _now.AddDays(1));
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN=node {name}", key, HashAlgorithmName.SHA256);
        return (authority, request.Create(authority, _now.AddHours(-1), _now.AddHours(1), [1, 2, 3, 4]).CopyWithPrivateKey(key));
    }
}
