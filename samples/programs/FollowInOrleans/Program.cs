// Trains the digits job on a cluster and follows it, as an Orleans client, without the gateway. Start a cluster first: disttrain up
using System.Globalization;
using System.Net;
using DistTrain.Contracts;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Hosting;

// The --gateway-port of a silo that takes clients.
if (args is not [var silo] || !IPEndPoint.TryParse(silo, out var endpoint)) return Fail("usage: FollowInOrleans IP:PORT of a silo's gateway port, such as 127.0.0.1:30000");
using var host = Host.CreateDefaultBuilder()
    .UseOrleansClient(client => client.UseStaticClustering(endpoint).Configure<ClusterOptions>(options => (options.ClusterId, options.ServiceId) = ("disttrain", "disttrain")).AddDistTrain())
    .ConfigureLogging(log => log.SetMinimumLevel(LogLevel.Warning))
    .Build();
await host.StartAsync();
var cluster = host.Services.GetRequiredService<ITrainingCluster>();

const string spec = """
    apiVersion: disttrain/v1
    kind: TrainingJob
    metadata: { name: from-orleans }
    spec: { training: { epochs: 2, evaluateEvery: 50 } }
    """;
try
{
    var job = await cluster.SubmitAsync(new JobSubmission(Guid.NewGuid().ToString("N", CultureInfo.InvariantCulture), spec, []));
    await foreach (var point in cluster.MetricsAsync(job.Job))
        if (point.Kind == "evaluation") Console.WriteLine($"step {point.Step,4}: test loss {point.Loss:F4}, accuracy {point.Accuracy:P2}");

    var ended = await cluster.GetAsync(job.Job);
    Console.WriteLine($"{ended.State} after {ended.Step} steps, weights {ended.WeightsSha256}");
    await host.StopAsync();
    return ended.State == JobStates.Succeeded ? 0 : 1;
}
catch (ClusterException refused)
{
    return Fail(refused.Message);
}

static int Fail(string problem)
{
    Console.Error.WriteLine(problem);
    return 2;
}
