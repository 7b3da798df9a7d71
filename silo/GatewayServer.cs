using System.Net;
using DistTrain.Contracts;
using DistTrain.Dashboard;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace DistTrain.Silo;

/// <summary>API and page over the cluster.</summary>
internal sealed class GatewayServer(SiloSettings settings, ITrainingCluster cluster, Announcement announcement, ILoggerFactory log) : IHostedService
{
    private DashboardServer? _server;

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var options = new DashboardOptions
        {
            Listen = new IPEndPoint(settings.HttpAddress, settings.HttpPort).ToString(), Token = settings.Token, CertificateFile = settings.Certificate, KeyFile = settings.CertificateKey,
            Title = $"cluster {settings.Cluster}", Log = log,
        };
        foreach (var name in settings.HttpHosts) options.Hosts.Add(name);
        _server = await DashboardServer.StartAsync(cluster, options, cancellationToken).ConfigureAwait(false);
        // A token that somebody set is somebody's secret; one that was just made is of no use unless it is said.
        announcement.Say($"link {(settings.Token.Length > 0 ? _server.Address.ToString() : _server.Link)}");
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (_server is not null) await _server.DisposeAsync().ConfigureAwait(false);
    }
}
