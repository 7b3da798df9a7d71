using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace DistTrain.Cluster.Tests.Processes;

/// <summary>Receives OTLP over HTTP. Names in protobuf are their bytes in UTF-8, so what was told of is found without a parser.</summary>
internal sealed class Collector : IAsyncDisposable
{
    private readonly WebApplication _web;
    private readonly ConcurrentQueue<(string Path, string Body)> _received = new();

    private Collector(WebApplication web) => _web = web;

    public Uri Address => new(_web.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());

    public static async Task<Collector> StartAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var collector = new Collector(builder.Build());
        collector._web.MapPost("/v1/{signal}", async (HttpContext context, string signal) =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            if (context.Request.ContentType == "application/x-protobuf") collector._received.Enqueue((signal, Encoding.Latin1.GetString(body.ToArray())));
            return Results.Bytes([], "application/x-protobuf");
        });
        await collector._web.StartAsync();
        return collector;
    }

    /// <summary>Waits until all of the names have arrived.</summary>
    public async Task ReceivesAsync(string signal, params string[] names)
    {
        var missing = names.ToHashSet(StringComparer.Ordinal);
        using var limit = new CancellationTokenSource(Training.TrainingCluster.Limit);
        while (true)
        {
            foreach (var (path, body) in _received)
                if (path == signal) missing.RemoveWhere(n => body.Contains(n, StringComparison.Ordinal));
            if (missing.Count == 0) return;
            Assert.False(limit.IsCancellationRequested, $"{string.Join(", ", missing)} did not arrive among {_received.Count(r => r.Path == signal)} exports of {signal}.");
            await Task.Delay(50);
        }
    }

    public async ValueTask DisposeAsync() => await _web.DisposeAsync();
}
