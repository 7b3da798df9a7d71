using DistTrain.Contracts;
using DistTrain.Grains;
using DistTrain.Grains.Wire;
using Microsoft.Extensions.DependencyInjection;
using Orleans;
using Orleans.Hosting;
using Orleans.Serialization;
using Orleans.TestingHost;

namespace DistTrain.Cluster.Tests;

/// <summary>The job grain's interface over two silos, its messages in our own wire format.</summary>
public sealed class JobGrainTests
{
    [Fact]
    public async Task A_status_crosses_silos_in_the_wire_format()
    {
        var builder = new InProcessTestClusterBuilder(2);
        builder.ConfigureSilo((_, silo) => silo.Services.AddSerializer(UseWireFormat));
        builder.ConfigureClient(client => client.Services.AddSerializer(UseWireFormat));
        await using var cluster = builder.Build();
        await cluster.DeployAsync();

        var status = await cluster.Client.GetGrain<IJobGrain>("digits-7").Status();

        Assert.Equal(new JobStatus { Job = "digits-7", Name = "digits", State = JobStates.Queued, TotalSteps = 10 }, status);
        Assert.Contains("digits-7", await cluster.Client.GetGrain<IJobGrain>("digits-7").Why(), StringComparison.Ordinal);

        static void UseWireFormat(ISerializerBuilder serializer) =>
            serializer.AddMessagePackSerializer(WireFormat.Carries, WireFormat.Carries, options => options.Configure(o => o.SerializerOptions = WireFormat.Options));
    }
}

/// <summary>A job that has no worker yet: enough of a grain to prove the interface and its wire format.</summary>
public sealed class QueuedJobGrain : Grain, IJobGrain
{
    public ValueTask<JobStatus> Status() => new(new JobStatus { Job = this.GetPrimaryKeyString(), Name = "digits", State = JobStates.Queued, TotalSteps = 10 });

    public ValueTask<string> Why() => new($"job {this.GetPrimaryKeyString()} waits for a worker");
}
