using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using DistTrain.Client;
using DistTrain.Cluster.Tests.Training;
using DistTrain.Contracts;

namespace DistTrain.Cluster.Tests.Processes;

/// <summary>A gateway behind a certificate of its own making, silos that talk to each other over TLS, all of them telling a collector.</summary>
public sealed class TlsAndTelemetryTests
{
    [Fact]
    public async Task A_cluster_over_TLS_trains_for_who_trusts_it_and_tells_its_collector()
    {
        using var folder = new TemporaryFolder();
        await using var collector = await Collector.StartAsync();
        var certificates = new Certificates(folder.Path);
        var (gateway, gatewayKey) = certificates.Issue("gateway");
        var (silo, siloKey) = certificates.Issue("silo");
        string[] between = ["--cluster-certificate", silo, "--cluster-certificate-key", siloKey, "--cluster-authority", certificates.Authority];
        await using var cluster = new ClusterProcesses(Path.Combine(folder.Path, "state"))
        {
            GatewayOptions = ["--certificate", gateway, "--certificate-key", gatewayKey, .. between], SiloOptions = between,
            Environment = new Dictionary<string, string> { ["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Address.ToString(), ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf", ["OTEL_METRIC_EXPORT_INTERVAL"] = "500", ["OTEL_BSP_SCHEDULE_DELAY"] = "200" },
        };
        await cluster.StartAsync(1);
        Assert.Equal(Uri.UriSchemeHttps, cluster.Address.Scheme);

        await using var stranger = cluster.ClientWith("");
        stranger.KeepTrying = false;
        var refused = await Assert.ThrowsAsync<ClusterException>(() => stranger.ListAsync());
        Assert.Equal(ClusterError.Unreachable, refused.Error);
        Assert.Contains("certificate", refused.Message, StringComparison.OrdinalIgnoreCase);

        await using var client = cluster.ClientWith(certificates.Authority);
        var job = (await client.SubmitAsync(TrainingCluster.Submission("tls", "training.epochs=1", "training.batchSize=32"))).Job;
        await foreach (var _ in client.EventsAsync(job))
        {
            // To its end.
        }
        Assert.Equal(JobStates.Succeeded, (await client.GetAsync(job)).State);
        await collector.ReceivesAsync("metrics", "disttrain.steps", "disttrain.train.loss", "orleans-messaging", "Microsoft.Orleans", "dotnet.gc.collections");
        await collector.ReceivesAsync("traces", "Microsoft.Orleans.Application", "IJobGrain");

        var node = IPEndPoint.Parse(cluster.Silos[0].Node.TrimStart('S').Split('@')[0]);
        Assert.True(await AnswersAsync(node, X509Certificate2.CreateFromPemFile(silo, siloKey)));
        Assert.False(await AnswersAsync(node, null));
        var (other, otherKey) = new Certificates(folder.Path).Issue("other");
        Assert.False(await AnswersAsync(node, X509Certificate2.CreateFromPemFile(other, otherKey)));
    }

    /// <summary>Whether a silo speaks with who shows this certificate.</summary>
    private static async Task<bool> AnswersAsync(IPEndPoint silo, X509Certificate2? certificate)
    {
        using var limit = new CancellationTokenSource(TrainingCluster.Limit);
        using var socket = new TcpClient();
        await socket.ConnectAsync(silo, limit.Token);
        await using var tls = new SslStream(socket.GetStream(), false, (_, _, _, _) => true);
        try
        {
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "silo", ClientCertificates = certificate is null ? null : [certificate] }, limit.Token);
            // Orleans begins with who it is, once it is content with the certificate.
            return await tls.ReadAsync(new byte[1], limit.Token) > 0;
        }
        catch (Exception closed) when (closed is IOException or System.Security.Authentication.AuthenticationException)
        {
            return false;
        }
    }
}
