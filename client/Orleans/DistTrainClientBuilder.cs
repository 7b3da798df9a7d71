using DistTrain.Client;
using DistTrain.Contracts;
using DistTrain.Grains.Wire;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Orleans.Serialization;

namespace Orleans.Hosting;

/// <summary>Puts <see cref="ITrainingCluster"/> into an Orleans client, or into a silo that serves clients.</summary>
public static class DistTrainClientBuilder
{
    /// <summary>After it, <see cref="ITrainingCluster"/> is in the client's services.</summary>
    public static IClientBuilder AddDistTrain(this IClientBuilder builder)
    {
        builder.Services.AddSerializer(serializer => serializer.AddDistTrainWire());
        builder.Services.AddOrleansTrainingCluster();
        return builder;
    }

    /// <summary>Only the cluster, where Orleans and its serializers are set up already: in a silo.</summary>
    public static IServiceCollection AddOrleansTrainingCluster(this IServiceCollection services)
    {
        services.TryAddSingleton<ITrainingCluster>(provider => new OrleansTrainingCluster(provider.GetRequiredService<IGrainFactory>(), provider.GetService<TimeProvider>()));
        return services;
    }
}
