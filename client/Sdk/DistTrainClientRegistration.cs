using DistTrain.Contracts;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace DistTrain.Client;

public static class DistTrainClientRegistration
{
    /// <summary>Registers <see cref="DistTrainClient"/> once for the whole program, as itself and as the <see cref="ITrainingCluster"/>.</summary>
    public static IServiceCollection AddDistTrainClient(this IServiceCollection services, Action<DistTrainClientOptions> configure)
    {
        services.AddOptions<DistTrainClientOptions>().Configure(configure);
        services.AddSingleton(provider => new DistTrainClient(provider.GetRequiredService<IOptions<DistTrainClientOptions>>()));
        services.AddSingleton<ITrainingCluster>(provider => provider.GetRequiredService<DistTrainClient>());
        return services;
    }
}
