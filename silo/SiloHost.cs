using System.Diagnostics;
using System.Net;
using DistTrain.Client;
using DistTrain.Contracts;
using DistTrain.Grains;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using Orleans.Configuration;
using Orleans.Hosting;

namespace DistTrain.Silo;

/// <summary>One silo from start to end: Orleans, training or the gateway, health, telemetry.</summary>
internal static class SiloHost
{
    private static readonly TimeSpan _aliveEvery = TimeSpan.FromSeconds(3);

    /// <returns>0 when it was told to end and has; 1 when it failed.</returns>
    public static async Task<int> RunAsync(SiloSettings settings, TextWriter output, TextWriter error)
    {
        try
        {
            using var host = Build(settings, output);
            await host.RunAsync().ConfigureAwait(false);
            return 0;
        }
        catch (Exception failed) when (failed is not OutOfMemoryException)
        {
            await error.WriteLineAsync($"error: the silo could not run: {failed.Message}").ConfigureAwait(false);
            if (settings.Log <= LogLevel.Debug) await error.WriteLineAsync(failed.ToString()).ConfigureAwait(false);
            return 1;
        }
    }

    internal static IHost Build(SiloSettings settings, TextWriter output)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true, ContentRootPath = AppContext.BaseDirectory });
        builder.Logging.SetMinimumLevel(settings.Log).AddFilter("Orleans", settings.Log < LogLevel.Information ? settings.Log : LogLevel.Warning).AddFilter("Microsoft", LogLevel.Warning)
            .AddSimpleConsole(console => (console.SingleLine, console.TimestampFormat, console.UseUtcTimestamp) = (true, "HH:mm:ss.fff ", true));
        builder.Services.AddSingleton(settings);
        // First to start and last to stop: what the others do while they stop is sent too.
        Telemetry.Add(builder.Services, settings);
        builder.Services.AddSingleton(new Announcement(output));
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = settings.Drain);
        builder.Services.AddSingleton<IHostLifetime, EndSignals>();
        if (settings.PostgreSql.Length > 0)
        {
            // Short, so that what waits for the database says so soon.
            var source = new NpgsqlDataSourceBuilder(settings.PostgreSql) { ConnectionStringBuilder = { Timeout = 5, CommandTimeout = 5, MaxPoolSize = 20 } }.Build();
            builder.Services.AddSingleton(source);
            builder.Services.AddHostedService(_ => new SchemaMaker(source, settings));
        }
        builder.UseOrleans(silo => Orleans(silo, settings));
        builder.Services.AddSingleton<StoreProbe>();
        builder.Services.AddHostedService<HealthServer>();
        if (settings.Gateway)
        {
            builder.Services.AddOrleansTrainingCluster();
            builder.Services.AddHostedService<GatewayServer>();
        }
        return builder.Build();
    }

    private static void Orleans(ISiloBuilder silo, SiloSettings settings)
    {
        silo.Configure<ClusterOptions>(options => (options.ClusterId, options.ServiceId) = (settings.Cluster, settings.Service));
        silo.Configure<SiloOptions>(options => options.SiloName = settings.Name);
        silo.Configure<EndpointOptions>(options =>
        {
            (options.AdvertisedIPAddress, options.SiloPort, options.GatewayPort) = (settings.Address, settings.SiloPort, settings.GatewayPort);
            if (!IPAddress.IsLoopback(settings.Address))
            {
                options.SiloListeningEndpoint = new IPEndPoint(IPAddress.Any, settings.SiloPort);
                if (settings.GatewayPort > 0) options.GatewayListeningEndpoint = new IPEndPoint(IPAddress.Any, settings.GatewayPort);
            }
        });
        silo.Configure<ClusterMembershipOptions>(options =>
        {
            options.ProbeTimeout = settings.Probe;
            options.TableRefreshTimeout = TimeSpan.FromSeconds(10);
            // Said often, so that a cluster that was killed as a whole is soon known to be; missed for as long as Orleans lets it be by default.
            options.IAmAliveTablePublishTimeout = _aliveEvery;
            options.NumMissedTableIAmAliveLimit = 30;
        });
        if (settings.PostgreSql.Length > 0) silo.UseAdoNetClustering(options => (options.Invariant, options.ConnectionString) = ("Npgsql", settings.PostgreSql));
        else silo.UseDevelopmentClustering(settings.Primary ?? new IPEndPoint(settings.Address, settings.SiloPort));
        settings.Tls?.Use(silo);
        silo.AddActivityPropagation();
        silo.AddDistTrain(
            options =>
            {
                (options.Shards, options.Workers, options.ComputeThreads, options.Device, options.Name) = (settings.Shards, settings.Workers, settings.Threads, settings.Device, settings.Name);
                (options.StateFolder, options.DataFolder, options.ClusterKey) = (settings.State, settings.Data, settings.ClusterKey);
                var loopback = IPAddress.IsLoopback(settings.Address);
                (options.Lane, options.LaneAddress) = (new IPEndPoint(loopback ? settings.Address : IPAddress.Any, settings.LanePort), loopback ? "" : settings.Address.ToString());
            },
            settings.PostgreSql.Length > 0 ? provider => new PostgresStore(provider.GetRequiredService<NpgsqlDataSource>()) : null);
    }

    /// <summary>Before Orleans asks for its tables, they are there. The database may come up later than the silo: it is waited for.</summary>
    private sealed class SchemaMaker(NpgsqlDataSource source, SiloSettings settings) : IHostedLifecycleService
    {
        private static readonly TimeSpan _patience = TimeSpan.FromMinutes(2);

        // Four times that a silo has not said that it is alive.
        private static readonly TimeSpan _silence = 4 * _aliveEvery;

        public async Task StartingAsync(CancellationToken cancellationToken)
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(_patience);
            var prepared = 0L;
            while (true)
            {
                try
                {
                    if (prepared == 0)
                    {
                        await MembershipSchema.PrepareAsync(source, limit.Token).ConfigureAwait(false);
                        prepared = Stopwatch.GetTimestamp();
                    }
                    var (_, fresh) = await MembershipSchema.BuryAsync(source, settings.Cluster, new IPEndPoint(settings.Address, settings.SiloPort), _silence, limit.Token).ConfigureAwait(false);
                    // Who still says that it is alive after this wait refuses this silo only: the others must judge.
                    if (fresh == 0 || Stopwatch.GetElapsedTime(prepared) > _silence + _aliveEvery) return;
                }
                catch (NpgsqlException unreached) when (unreached.IsTransient && !limit.IsCancellationRequested)
                {
                    // It is asked again.
                }
                await Task.Delay(TimeSpan.FromMilliseconds(500), limit.Token).ConfigureAwait(false);
            }
        }

        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}

/// <summary>Lines on standard output that a program may read: "ready ...", "health http://...", "link http://...".</summary>
internal sealed class Announcement(TextWriter output)
{
    private readonly Lock _gate = new();

    public void Say(string line)
    {
        lock (_gate)
        {
            output.WriteLine(line);
            output.Flush();
        }
    }
}
