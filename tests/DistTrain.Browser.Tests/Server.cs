using DistTrain.Contracts;
using DistTrain.Dashboard;
using DistTrain.Training;

namespace DistTrain.Browser.Tests;

/// <summary>API and page over jobs that train in this process.</summary>
internal sealed class Server : IAsyncDisposable
{
    private readonly EmbeddedTraining _training;
    private readonly DashboardServer _server;
    private readonly string _folder;

    private Server(EmbeddedTraining training, DashboardServer server, string folder) => (_training, _server, _folder) = (training, server, folder);

    public Uri Address => _server.Address;

    public ITrainingCluster Cluster => _training;

    public static async Task<Server> StartAsync()
    {
        var folder = Directory.CreateTempSubdirectory("disttrain-page-").FullName;
        var training = new EmbeddedTraining(new EmbeddedTrainingOptions { Folder = folder, AtOnce = 2 });
        return new Server(training, await DashboardServer.StartAsync(training, new DashboardOptions { Title = "embedded, for a test" }), folder);
    }

    /// <summary>The page of a job (or of the list), with the token as a printed link has it.</summary>
    public string Link(string job = "", string more = "") => $"{Address}{(job.Length > 0 ? $"?job={job}{more}" : "")}#token={_server.Token}";

    public string CompareLink(params string[] jobs) => $"{Address}?compare={string.Join(',', jobs)}#token={_server.Token}";

    public async Task<string> SubmitAsync(string name, params string[] overrides)
    {
        var spec = $"apiVersion: disttrain/v1\nkind: TrainingJob\nmetadata: {{ name: {name} }}\n";
        return (await _training.SubmitAsync(new JobSubmission(Guid.NewGuid().ToString("N"), spec, overrides))).Job;
    }

    /// <summary>Until the job has ended, or a minute.</summary>
    public async Task<JobStatus> EndAsync(string job)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        await foreach (var _ in _training.EventsAsync(job, 0, limit.Token)) { }
        return await _training.GetAsync(job);
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        await _training.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}
