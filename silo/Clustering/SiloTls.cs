using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Orleans.Connections.Security;
using Orleans.Hosting;

namespace DistTrain.Silo;

/// <summary>
/// Orleans' connections over TLS, both sides with a certificate: whoever has one of the cluster's authority is a silo (or a client) of it, under any name. Tensors have TLS of their own.
/// </summary>
internal sealed class SiloTls
{
    private readonly X509Certificate2 _certificate;
    private readonly X509Certificate2Collection _authorities;

    private SiloTls(X509Certificate2 certificate, X509Certificate2Collection authorities) => (_certificate, _authorities) = (certificate, authorities);

    /// <param name="certificate">PEM: this silo's certificate, then those between it and the authority.</param>
    /// <param name="key">PEM: its key.</param>
    /// <param name="authority">PEM: the authorities whose certificates are believed, and no others.</param>
    /// <exception cref="CryptographicException">A file holds no such thing, or they do not belong together; the text says which.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static SiloTls Read(string certificate, string key, string authority)
    {
        X509Certificate2 own;
        try
        {
            using var read = X509Certificate2.CreateFromPemFile(certificate, key);
            // Keys that were only read from a PEM cannot be used for TLS on every system.
            own = X509CertificateLoader.LoadPkcs12(read.Export(X509ContentType.Pfx), null);
        }
        catch (Exception wrong) when (wrong is CryptographicException or ArgumentException)
        {
            throw new CryptographicException($"{certificate} and {key} must hold a certificate and its key in PEM: {wrong.Message}", wrong);
        }
        var authorities = new X509Certificate2Collection();
        try
        {
            authorities.ImportFromPemFile(authority);
        }
        catch (CryptographicException wrong)
        {
            throw new CryptographicException($"{authority} must hold certificates in PEM: {wrong.Message}", wrong);
        }
        if (authorities.Count == 0) throw new CryptographicException($"{authority} must hold certificates in PEM, and holds none.");
        var tls = new SiloTls(own, authorities);
        return tls.WhyNot(own) is { } why ? throw new CryptographicException($"{certificate} is not one that other silos will believe by {authority}: {why}") : tls;
    }

    public void Use(ISiloBuilder silo) => silo.UseTls(_certificate, options =>
    {
        options.RemoteCertificateMode = RemoteCertificateMode.RequireCertificate;
        options.ClientCertificateMode = RemoteCertificateMode.RequireCertificate;
        options.RemoteCertificateValidation = (certificate, _, _) => WhyNot(certificate) is null;
        options.OnAuthenticateAsClient = (_, client) => client.TargetHost = "disttrain-silo";
    });

    private string? WhyNot(X509Certificate2 certificate)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(_authorities);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        return chain.Build(certificate) ? null : string.Join(" ", chain.ChainStatus.Select(s => s.StatusInformation.Trim()).Distinct());
    }
}
