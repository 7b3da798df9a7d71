// Trains the digits job on a cluster and follows it, as an Orleans client, without the gateway. First start a silo that takes clients: disttrain-silo --gateway-port 30000
using System.Net;
using DistTrain.Contracts;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Hosting;

var silo = IPEndPoint.Parse(args is [var at] ? at : "127.0.0.1:30000");
using var host = Host.CreateDefaultBuilder()
    .UseOrleansClient(client => client.UseStaticClustering(silo).Configure<ClusterOptions>(o => (o.ClusterId, o.ServiceId) = ("disttrain", "disttrain")).AddDistTrain())
    .ConfigureLogging(log => log.SetMinimumLevel(LogLevel.Warning)).Build();
await host.StartAsync();
var cluster = host.Services.GetRequiredService<ITrainingCluster>();

const string spec = """{ "apiVersion": "disttrain/v1", "kind": "TrainingJob", "metadata": { "name": "from-orleans" }, "spec": { "training": { "epochs": 2, "evaluateEvery": 50 } } }""";
var job = await cluster.SubmitAsync(new JobSubmission($"{Guid.NewGuid():N}", spec, []));
await foreach (var point in cluster.MetricsAsync(job.Job))
    if (point.Kind == "evaluation") Console.WriteLine($"step {point.Step,4}: test loss {point.Loss:F4}, accuracy {point.Accuracy:P2}");

var ended = await cluster.GetAsync(job.Job);
Console.WriteLine($"{ended.State} after {ended.Step} steps, weights {ended.WeightsSha256}");
await host.StopAsync();
return ended.State == JobStates.Succeeded ? 0 : 1;
