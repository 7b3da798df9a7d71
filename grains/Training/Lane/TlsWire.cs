using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace DistTrain.Training;

/// <summary>When a node's links are encrypted.</summary>
public enum LaneEncryption
{
    /// <summary>Whenever the other side is not reached over loopback.</summary>
    BeyondLoopback,

    Always,

    /// <summary>Allowed on loopback only.</summary>
    Never,
}

/// <summary>A node's certificate, and whose certificates it believes.</summary>
/// <param name="Certificate">With its private key.</param>
/// <param name="Authorities">The other side's certificate must lead to one of them; null: any will do, because the greeting, signed with the cluster's key, names it.</param>
public sealed record LaneCertificate(X509Certificate2 Certificate, X509Certificate2Collection? Authorities = null)
{
    /// <summary>Made now, for this process: what makes it believed is the greeting.</summary>
    public static LaneCertificate Own(DateTimeOffset now)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=disttrain lane", key, HashAlgorithmName.SHA256);
        return new LaneCertificate(request.CreateSelfSigned(now.AddDays(-1), now.AddYears(10)));
    }
}

/// <summary>A TCP connection under TLS 1.3 (1.2 where a side has no other), both sides with a certificate. The greetings sign both certificates, so nobody stands between.</summary>
internal sealed class TlsWire : ILaneWire
{
    // Longer heads and control parts are sent with a write of their own.
    private const int TogetherBytes = 16 << 10;

    private readonly Socket _socket;
    private readonly SslStream _stream;
    private readonly byte[] _together = new byte[TogetherBytes];
    private readonly string _own;
    private readonly string _other;

    private TlsWire(Socket socket, SslStream stream, X509Certificate2 own)
    {
        (_socket, _stream) = (socket, stream);
        _own = own.GetCertHashString(HashAlgorithmName.SHA256);
        _other = (stream.RemoteCertificate ?? throw new AuthenticationException("the other side has no certificate.")).GetCertHashString(HashAlgorithmName.SHA256);
    }

    /// <summary>Shakes hands within the socket's timeouts.</summary>
    /// <exception cref="AuthenticationException">No handshake.</exception>
    public static TlsWire Make(Socket socket, LaneCertificate certificate, bool dialed)
    {
        SocketWire.Tune(socket);
        var stream = new SslStream(new NetworkStream(socket, ownsSocket: true), leaveInnerStreamOpen: false, (_, other, _, _) => IsBelieved(other, certificate.Authorities));
        try
        {
            if (dialed) stream.AuthenticateAsClient("disttrain lane", [certificate.Certificate], SslProtocols.Tls12 | SslProtocols.Tls13, checkCertificateRevocation: false);
            else stream.AuthenticateAsServer(certificate.Certificate, clientCertificateRequired: true, SslProtocols.Tls12 | SslProtocols.Tls13, checkCertificateRevocation: false);
            return new TlsWire(socket, stream, certificate.Certificate);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    public void Send(Span<Segment> segments)
    {
        var gathered = 0;
        foreach (var segment in segments)
        {
            var bytes = segment.AsSpan();
            if (bytes.Length <= _together.Length - gathered)
            {
                bytes.CopyTo(_together.AsSpan(gathered));
                gathered += bytes.Length;
                continue;
            }
            Flush(ref gathered);
            _stream.Write(bytes);
        }
        Flush(ref gathered);
    }

    public int SegmentBytes => 1;

    public int Receive(Span<byte> bytes) => bytes.Length == 0 ? 0 : _stream.Read(bytes);

    public string Binding(bool own) => own ? _own : _other;

    public void SetTimeouts(TimeSpan send, TimeSpan receive) => SocketWire.SetTimeouts(_socket, send, receive);

    public void Shutdown() => SocketWire.Shutdown(_socket);

    public void Dispose() => _stream.Dispose();

    private void Flush(ref int gathered)
    {
        if (gathered > 0) _stream.Write(_together.AsSpan(0, gathered));
        gathered = 0;
    }

    private static bool IsBelieved(X509Certificate? other, X509Certificate2Collection? authorities)
    {
        if (other is null) return false;
        if (authorities is null) return true;
        using var chain = new X509Chain();
        (chain.ChainPolicy.TrustMode, chain.ChainPolicy.RevocationMode) = (X509ChainTrustMode.CustomRootTrust, X509RevocationMode.NoCheck);
        chain.ChainPolicy.CustomTrustStore.AddRange(authorities);
        using var certificate = new X509Certificate2(other);
        return chain.Build(certificate);
    }
}
