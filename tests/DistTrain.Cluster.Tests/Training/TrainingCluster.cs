using DistTrain.Contracts;
using DistTrain.Grains;
using DistTrain.Training;
using DistTrain.Training.Specs;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.TestingHost;

namespace DistTrain.Cluster.Tests.Training;

/// <summary>In-process silos that train, and a client of theirs; everything they keep is in a folder that goes with it.</summary>
internal sealed class TrainingCluster : IAsyncDisposable
{
    public static readonly string[] Digits = ["training.epochs=2", "training.batchSize=32"];

    /// <summary>Far more than anything here takes; what it ends is a hang.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private readonly string _folder;

    private TrainingCluster(InProcessTestCluster silos, string folder) => (Silos, _folder) = (silos, folder);

    public InProcessTestCluster Silos { get; }

    /// <summary>What silos keep; another cluster may go on in it.</summary>
    public string Folder => _folder;

    public ITrainingCluster Client => Silos.Client.ServiceProvider.GetRequiredService<ITrainingCluster>();

    public static async Task<TrainingCluster> StartAsync(short silos, CallRecord? calls = null, Func<string, IClusterStore>? store = null, string? kept = null, string? gatewayState = null)
    {
        var folder = kept ?? Directory.CreateTempSubdirectory("disttrain-cluster").FullName;
        var builder = new InProcessTestClusterBuilder(silos);
        var made = 0;
        builder.ConfigureSilo((_, silo) =>
        {
            // The last one, where there is to be a gateway: it trains nothing, and reaches another folder.
            var gateway = gatewayState is not null && Interlocked.Increment(ref made) == silos;
            silo.AddDistTrain(options =>
            {
                (options.StateFolder, options.Name) = (gateway ? gatewayState! : folder, "silo");
                if (gateway) (options.Shards, options.Workers) = (false, 0);
            }, store is null ? null : _ => store(folder));
            silo.Configure<ClusterMembershipOptions>(options => options.ProbeTimeout = TimeSpan.FromSeconds(2));
            if (calls is not null) silo.AddIncomingGrainCallFilter(calls);
        });
        builder.ConfigureSiloHost((_, host) => host.Logging.AddSimpleConsole(console => console.SingleLine = true).AddFilter("Orleans", LogLevel.Warning));
        builder.ConfigureClient(client => client.AddDistTrain());
        var cluster = new TrainingCluster(builder.Build(), folder);
        await cluster.Silos.DeployAsync();
        return cluster;
    }

    /// <summary>What the embedded cluster makes of the built-in digits job.</summary>
    public static async Task<TrainingResult> EmbeddedAsync(params string[] overrides)
    {
        var plan = JobPlanner.Plan(JobFile.BuiltIn([.. overrides.Select(SpecOverride.Parse)]));
        using var embedded = new EmbeddedCluster(plan.Job, new RunOptions { Workers = 2, Shards = 2 });
        return await embedded.RunAsync();
    }

    /// <summary>The built-in digits job as a spec.</summary>
    public static JobSubmission Submission(string id, params string[] overrides) => new(id, SpecWriter.ToYaml(JobFile.BuiltIn().Spec), overrides);

    /// <summary>The silo whose memory holds the job's scheduler, and one that does not.</summary>
    public async Task<(InProcessSiloHandle Holder, InProcessSiloHandle Other)> SilosOfAsync(string job)
    {
        await Client.GetAsync(job);
        var holder = Silos.Silos.Single(s => s.ServiceProvider.GetRequiredService<JobRuns>().Find(job) is not null);
        return (holder, Silos.Silos.First(s => s != holder));
    }

    /// <summary>Returns when a step is committed, or the job has ended before it.</summary>
    public async Task CommittedAsync(string job, long step)
    {
        await foreach (var point in Client.MetricsAsync(job).WithCancellation(new CancellationTokenSource(Limit).Token))
            if (point.Step >= step) return;
    }

    /// <summary>The status after the job's end.</summary>
    public async Task<JobStatus> EndAsync(string job)
    {
        await foreach (var _ in Client.EventsAsync(job).WithCancellation(new CancellationTokenSource(Limit).Token))
        {
            // The last event comes with the end.
        }
        JobStatus status;
        do status = await Client.GetAsync(job);
        while (!JobStates.IsEnd(status.State));
        return status;
    }

    public async ValueTask DisposeAsync()
    {
        await Silos.DisposeAsync();
        if (Directory.Exists(_folder)) Directory.Delete(_folder, recursive: true);
    }
}
