using Microsoft.AspNetCore.Http;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace DistTrain.Dashboard;

/// <summary>Puts API and page into a host's own web application. The host registers the <see cref="Contracts.ITrainingCluster"/> that they show.</summary>
public static class DashboardHosting
{
    public static IServiceCollection AddDistTrainDashboard(this IServiceCollection services, Action<DashboardOptions>? configure = null)
    {
        services.AddOptions<DashboardOptions>().Configure(options => configure?.Invoke(options));
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<BearerToken>();
        services.TryAddSingleton<RecentAnswers>();
        services.TryAddSingleton<HistoryShelf>();
        services.AddHostedService<ListenGuard>();
        return services;
    }

    /// <summary>Maps the gate (token, host names, security headers), the API under /api/v1 and the page at /.</summary>
    public static WebApplication MapDistTrain(this WebApplication app)
    {
        app.UseMiddleware<AccessGate>();
        Routes.Map(app);
        PageFiles.Map(app);
        return app;
    }

    /// <summary>Whatever a host listens on in the end is held against <see cref="ListenRules"/>; what they refuse ends its start.</summary>
    private sealed class ListenGuard(IServiceProvider services, IOptions<DashboardOptions> options) : IHostedLifecycleService
    {
        public Task StartedAsync(CancellationToken cancellationToken)
        {
            var addresses = services.GetService<IServer>()?.Features.Get<IServerAddressesFeature>()?.Addresses ?? [];
            var plain = addresses.Select(a => BindingAddress.Parse(a)).Where(a => options.Value.CertificateFile.Length == 0 && a.Scheme == Uri.UriSchemeHttp || !options.Value.RequireToken)
                .Select(a => a.Host is "localhost" ? IPAddress.Loopback : IPAddress.TryParse(a.Host.Trim('[', ']'), out var ip) ? ip : IPAddress.Any).ToArray();
            var problems = ListenRules.AccessProblems(options.Value, plain);
            return problems.Count == 0 ? Task.CompletedTask : throw new OptionsValidationException(nameof(DashboardOptions), typeof(DashboardOptions), problems);
        }

        public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
