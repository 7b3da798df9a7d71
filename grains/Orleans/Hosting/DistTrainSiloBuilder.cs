using DistTrain.Grains;
using DistTrain.Grains.Wire;
using DistTrain.Training;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Runtime;
using Orleans.Runtime.Hosting;
using Orleans.Serialization;

namespace Orleans.Hosting;

/// <summary>Puts training into a silo.</summary>
public static class DistTrainSiloBuilder
{
    /// <summary>Hosts jobs, workers, parameter shards, or only the way to them, as the options say.</summary>
    /// <param name="configure">Lane, devices, folders.</param>
    /// <param name="store">Where the cluster keeps what must not be guessed; null = in StateFolder/store.</param>
    public static ISiloBuilder AddDistTrain(this ISiloBuilder builder, Action<DistTrainOptions>? configure = null, Func<IServiceProvider, IClusterStore>? store = null)
    {
        var services = builder.Services;
        services.AddOptions<DistTrainOptions>().Configure(options => configure?.Invoke(options));
        services.AddSingleton<IConfigurationValidator, DistTrainValidator>();
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<IClusterStore>(provider => new GuardedStore(store?.Invoke(provider) ?? new FolderStore(Path.Combine(provider.GetRequiredService<IOptions<DistTrainOptions>>().Value.StateFolder, "store"))));
        services.AddSingleton<IIncomingGrainCallFilter, StoreRefusals>();
        services.AddSingleton(provider => new TrainingMeter(provider.GetService<System.Diagnostics.Metrics.IMeterFactory>()));
        services.AddSingleton<Roster>();
        services.AddSingleton<SiloNode>();
        services.AddSingleton<JobResolver>();
        services.AddSingleton<JobRuns>();
        services.AddSingleton<EndedJobs>();
        services.AddSingleton<JobWatch>();
        services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(provider => provider.GetRequiredService<JobWatch>());
        services.AddSerializer(serializer => serializer.AddDistTrainWire());
        services.AddPlacementDirector<HomePlacement, HomeDirector>();
        services.AddPlacementDirector<JobPlacement, JobDirector>();
        services.AddGrainDirectory(HomeDirectory.Name, (_, _) => new HomeDirectory());
        services.AddGrainDirectory(JobDirectory.Name, (provider, _) => new JobDirectory(
            provider.GetRequiredService<IClusterStore>(), () => provider.GetRequiredService<IClusterMembershipService>(), () => provider.GetRequiredService<ILocalSiloDetails>().SiloAddress));
        // What a silo does not do, it does not announce: Orleans then places such grains elsewhere.
        services.AddSingleton<IPostConfigureOptions<GrainTypeOptions>, HostedClasses>();
        return builder;
    }

    private sealed class HostedClasses(IOptions<DistTrainOptions> options) : IPostConfigureOptions<GrainTypeOptions>
    {
        public void PostConfigure(string? name, GrainTypeOptions grains)
        {
            if (!options.Value.Shards)
            {
                grains.Classes.Remove(typeof(JobGrain));
                grains.Classes.Remove(typeof(ParameterServerGrain));
            }
            if (options.Value.Workers == 0) grains.Classes.Remove(typeof(WorkerGrain));
            // A gateway need not reach the folder of checkpoints, from which the metrics of a job that has ended are read.
            if (!options.Value.Trains) grains.Classes.Remove(typeof(MetricsGrain));
        }
    }

    private sealed class DistTrainValidator(IOptions<DistTrainOptions> options) : IConfigurationValidator
    {
        public void ValidateConfiguration()
        {
            if (options.Value.Problems() is { Count: > 0 } problems) throw new OrleansConfigurationException(string.Join(Environment.NewLine, problems));
        }
    }
}
