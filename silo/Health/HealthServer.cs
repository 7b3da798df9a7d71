using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;

namespace DistTrain.Silo;

/// <summary>
/// <c>/health/live</c>: the process turns over. <c>/health/ready</c>: the silo is an active member of the cluster and its store answers. <c>POST /drain</c>, from this machine only and with the header <c>X-DistTrain-Drain: 1</c>: begin to end.
/// </summary>
internal sealed class HealthServer(SiloSettings settings, Announcement announcement, IClusterMembershipService membership, ILocalSiloDetails local, StoreProbe store, IHostApplicationLifetime application) : IHostedService
{
    private WebApplication? _web;

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.ClearProviders();
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = 1024;
            kestrel.Listen(IPAddress.IsLoopback(settings.Address) ? settings.Address : IPAddress.Any, settings.HealthPort);
        });
        _web = builder.Build();
        _web.MapGet("/health/live", () => Results.Text("live"));
        _web.MapGet("/health/ready", async () => await WhyNotReadyAsync().ConfigureAwait(false) is { } why ? Results.Text(why, statusCode: StatusCodes.Status503ServiceUnavailable) : Results.Text("ready"));
        _web.MapPost("/drain", (HttpContext context) =>
        {
            if (context.Connection.RemoteIpAddress is not { } from || !IPAddress.IsLoopback(from)) return Results.Text("drain is for callers on this machine", statusCode: StatusCodes.Status403Forbidden);
            if (DrainRefusal.Of(context.Request) is { } why) return Results.Text(why, statusCode: StatusCodes.Status403Forbidden);
            application.StopApplication();
            return Results.Accepted();
        });
        await _web.StartAsync(cancellationToken).ConfigureAwait(false);
        announcement.Say($"health {_web.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()}");
        announcement.Say($"ready {local.SiloAddress.ToParsableString()}");
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (_web is not null) await _web.DisposeAsync().ConfigureAwait(false);
    }

    private async Task<string?> WhyNotReadyAsync()
    {
        if (application.ApplicationStopping.IsCancellationRequested) return "draining";
        var status = membership.CurrentSnapshot.GetSiloStatus(local.SiloAddress);
        if (status != SiloStatus.Active) return $"the silo is {status}, not yet an active member of the cluster";
        return await store.AnswersAsync().ConfigureAwait(false) ? null : "the store does not answer";
    }
}
