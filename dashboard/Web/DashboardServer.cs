using Microsoft.AspNetCore.Http;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using DistTrain.Contracts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace DistTrain.Dashboard;

/// <summary>API and page by themselves, over one cluster: what <c>train</c> opens beside a run.</summary>
public sealed class DashboardServer : IAsyncDisposable
{
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(2);

    private readonly WebApplication _app;

    private DashboardServer(WebApplication app, Uri address, string token) => (_app, Address, Token) = (app, address, token);

    /// <summary>http://127.0.0.1:41234/</summary>
    public Uri Address { get; }

    /// <summary>Empty where none is asked for.</summary>
    public string Token { get; }

    /// <summary>For a browser: the token is in the fragment, which no browser sends to any server.</summary>
    public string Link => Token.Length > 0 ? $"{Address}#token={Uri.EscapeDataString(Token)}" : Address.ToString();

    /// <summary>The route table, for the tests that go through all of it.</summary>
    internal IReadOnlyList<Endpoint> Endpoints => _app.Services.GetRequiredService<EndpointDataSource>().Endpoints;

    /// <exception cref="OptionsValidationException">What may not be listened on.</exception>
    /// <exception cref="IOException">The port is taken.</exception>
    public static async Task<DashboardServer> StartAsync(ITrainingCluster cluster, DashboardOptions options, CancellationToken cancellation = default)
    {
        if (ListenRules.Problems(options) is { Count: > 0 } problems) throw new OptionsValidationException(nameof(DashboardOptions), typeof(DashboardOptions), problems);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore();
        builder.Services.AddRoutingCore();
        builder.Logging.ClearProviders();
        if (options.Log is { } log) builder.Services.AddSingleton(log);
        builder.Services.AddSingleton(cluster);
        builder.Services.AddDistTrainDashboard();
        builder.Services.AddSingleton(Options.Create(options));
        var at = ListenRules.Parse(options.Listen)!;
        var tls = options.CertificateFile.Length > 0;
        if (tls) builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = options.MaxRequestBytes;
            kestrel.Limits.MaxRequestHeadersTotalSize = 16 << 10;
            kestrel.Listen(at, listen =>
            {
                listen.Protocols = tls ? HttpProtocols.Http1AndHttp2 : HttpProtocols.Http1;
                if (tls) listen.UseHttps(Certificate(options));
            });
        });
        var app = builder.Build();
        app.MapDistTrain();
        try
        {
            await app.StartAsync(cancellation).ConfigureAwait(false);
        }
        catch
        {
            await app.DisposeAsync().ConfigureAwait(false);
            throw;
        }
        var bound = BindingAddress.Parse(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        var host = at.Address.Equals(IPAddress.Any) || at.Address.Equals(IPAddress.IPv6Any) ? options.Hosts.FirstOrDefault(h => h != "*") ?? Dns.GetHostName() : at.Address.ToString();
        return new DashboardServer(app, new UriBuilder(tls ? Uri.UriSchemeHttps : Uri.UriSchemeHttp, host, bound.Port).Uri, app.Services.GetRequiredService<BearerToken>().Value);
    }

    public async ValueTask DisposeAsync()
    {
        using var limit = new CancellationTokenSource(StopLimit);
        try
        {
            await _app.StopAsync(limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // A viewer that does not let go is cut off.
        }
        await _app.DisposeAsync().ConfigureAwait(false);
    }

    private static X509Certificate2 Certificate(DashboardOptions options)
    {
        using var pem = X509Certificate2.CreateFromPemFile(options.CertificateFile, options.KeyFile);
        return X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null); // a key that only lives in memory does not serve TLS everywhere
    }
}
