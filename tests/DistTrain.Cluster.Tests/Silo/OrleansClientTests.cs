using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Reflection;
using DistTrain.Cluster.Tests.Training;
using DistTrain.Silo;
using Microsoft.Extensions.Hosting;

namespace DistTrain.Cluster.Tests.Silo;

/// <summary>The sample program of an Orleans client, against a silo that was started as its first line says.</summary>
public sealed class OrleansClientTests
{
    [Fact]
    public async Task The_sample_trains_on_a_silo_that_takes_clients()
    {
        var folder = Directory.CreateTempSubdirectory("disttrain-client").FullName;
        var client = FreePort();
        var (settings, problems) = SettingsReader.Read(["--gateway-port", client, "--silo-port", FreePort(), "--lane-port", "0", "--health-port", "0", "--state", folder, "--data", folder, "--log", "warning"], _ => null);
        Assert.Empty(problems);
        try
        {
            using var silo = SiloHost.Build(settings!, TextWriter.Null);
            await silo.StartAsync().WaitAsync(TrainingCluster.Limit);
            var sample = Assembly.Load("FollowInOrleans").EntryPoint!;
            Assert.Equal(0, await Task.Run(() => (int)sample.Invoke(null, [new[] { $"127.0.0.1:{client}" }])!).WaitAsync(TrainingCluster.Limit));
            await silo.StopAsync().WaitAsync(TrainingCluster.Limit);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port.ToString(CultureInfo.InvariantCulture);
    }
}
