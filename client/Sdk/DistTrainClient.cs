using DistTrain.Contracts;
using Microsoft.Extensions.Options;

namespace DistTrain.Client;

/// <summary>
/// A training cluster behind its HTTP API. For programs: <see cref="SubmitAsync(JobSpec, string?, CancellationToken)"/> and the <see cref="TrainingJob"/> it
/// returns. Also an <see cref="ITrainingCluster"/>, so that whatever works with a cluster in this process works with one far away.
/// </summary>
/// <remarks>Every call may throw <see cref="ClusterException"/>: <see cref="ClusterException.Error"/> says of which kind, the message what to do.</remarks>
public sealed class DistTrainClient : ITrainingCluster, IAsyncDisposable, IDisposable
{
    private readonly ServerConnection _server;

    public DistTrainClient(DistTrainClientOptions options) => _server = new ServerConnection(options);

    /// <summary>For dependency injection.</summary>
    public DistTrainClient(IOptions<DistTrainClientOptions> options) : this(options.Value)
    {
    }

    /// <param name="server">Address, or a link with its token as a server printed it.</param>
    /// <exception cref="ClusterException">It is neither (<see cref="ClusterError.Invalid"/>).</exception>
    public DistTrainClient(string server, string token = "") : this(new DistTrainClientOptions { Server = ServerAddress.Parse(server), Token = token })
    {
    }

    public Uri Server => _server.Server;

    /// <summary>
    /// Whether a server that does not answer is asked again, for <see cref="DistTrainClientOptions.Patience"/>; off, a request says so at once. Every request may be
    /// repeated. A stream that was open is tried again either way.
    /// </summary>
    public bool KeepTrying { get => _server.KeepTrying; set => _server.KeepTrying = value; }

    /// <summary>The server was there and does not answer now.</summary>
    public bool IsLost => _server.IsLost;

    /// <param name="id">Names the submission, so that sending it again makes no second job; null = a random one.</param>
    public Task<TrainingJob> SubmitAsync(JobSpec spec, string? id = null, CancellationToken cancellation = default) => SubmitAsync(SpecText.Of(spec), [], id, cancellation);

    /// <param name="spec">A job file's text, YAML or JSON.</param>
    /// <param name="overrides">path=value, as --set takes them.</param>
    public async Task<TrainingJob> SubmitAsync(string spec, IReadOnlyList<string> overrides, string? id = null, CancellationToken cancellation = default)
    {
        var status = await SubmitAsync(new JobSubmission(id ?? Guid.NewGuid().ToString("N"), spec, overrides), cancellation).ConfigureAwait(false);
        return new TrainingJob(this, status.Job, status.Name);
    }

    /// <summary>A job that is there already.</summary>
    public async Task<TrainingJob> JobAsync(string job, CancellationToken cancellation = default)
    {
        var status = await GetAsync(job, cancellation).ConfigureAwait(false);
        return new TrainingJob(this, status.Job, status.Name);
    }

    public Task<ServerVersion> VersionAsync(CancellationToken cancellation = default) => _server.GetAsync("version", ClusterJson.Plain.ServerVersion, cancellation);

    public Task<ServerHealth> HealthAsync(CancellationToken cancellation = default) => _server.GetAsync("health", ClusterJson.Plain.ServerHealth, cancellation);

    public Task<JobStatus> SubmitAsync(JobSubmission submission, CancellationToken cancellation = default) =>
        _server.PostAsync("jobs", submission, ClusterJson.Plain.JobSubmission, ClusterJson.Plain.JobStatus, cancellation);

    public async Task<IReadOnlyList<JobStatus>> ListAsync(CancellationToken cancellation = default) => await _server.GetAsync("jobs", ClusterJson.Plain.JobStatusArray, cancellation).ConfigureAwait(false);

    public Task<JobStatus> GetAsync(string job, CancellationToken cancellation = default) => _server.GetAsync(Of(job), ClusterJson.Plain.JobStatus, cancellation);

    public Task<string> SpecAsync(string job, CancellationToken cancellation = default) => _server.GetTextAsync(Of(job, "/spec"), cancellation);

    /// <remarks>Goes on over lost connections and restarts of the server (<see cref="DistTrainClientOptions.Patience"/>), without a gap and without a repeat.</remarks>
    public IAsyncEnumerable<TrainingEvent> EventsAsync(string job, long after = 0, CancellationToken cancellation = default) =>
        _server.FollowAsync(Of(job, "/events"), after, e => e.Sequence, ClusterJson.Plain.TrainingEvent, cancellation);

    /// <inheritdoc cref="EventsAsync"/>
    public IAsyncEnumerable<MetricPoint> MetricsAsync(string job, long after = 0, CancellationToken cancellation = default) =>
        _server.FollowAsync(Of(job, "/metrics"), after, p => p.Sequence, ClusterJson.Plain.MetricPoint, cancellation);

    /// <summary>Points that are there already, without waiting for more.</summary>
    public Task<MetricPage> MetricPageAsync(string job, long after, int limit = 10_000, CancellationToken cancellation = default) =>
        _server.GetAsync(FormattableString.Invariant($"{Of(job, "/metrics")}?after={after}&limit={limit}"), ClusterJson.Plain.MetricPage, cancellation);

    /// <summary>Events that are there already, without waiting for more.</summary>
    public Task<EventPage> EventPageAsync(string job, long after, int limit = 10_000, CancellationToken cancellation = default) =>
        _server.GetAsync(FormattableString.Invariant($"{Of(job, "/events")}?after={after}&limit={limit}"), ClusterJson.Plain.EventPage, cancellation);

    /// <summary>All metrics in at most so many points a series.</summary>
    public Task<MetricHistory> HistoryAsync(string job, int points, CancellationToken cancellation = default) =>
        _server.GetAsync(FormattableString.Invariant($"{Of(job, "/metrics")}?points={points}"), ClusterJson.Plain.MetricHistory, cancellation);

    public Task<JobStatus> StopAsync(string job, string commandId, CancellationToken cancellation = default) =>
        _server.PostAsync($"{Of(job, "/stop")}?command={Uri.EscapeDataString(commandId)}", ClusterJson.Plain.JobStatus, cancellation);

    public async Task<IReadOnlyList<WaitReport>> WhyAsync(string job, CancellationToken cancellation = default) => await _server.GetAsync(Of(job, "/why"), ClusterJson.Plain.WaitReportArray, cancellation).ConfigureAwait(false);

    public async Task<IReadOnlyList<CheckpointReport>> CheckpointsAsync(string job, CancellationToken cancellation = default) =>
        await _server.GetAsync(Of(job, "/checkpoints"), ClusterJson.Plain.CheckpointReportArray, cancellation).ConfigureAwait(false);

    /// <summary>A checkpoint's manifest and every file that it names, as one tar file.</summary>
    public Task SaveCheckpointAsync(string job, long step, Stream destination, CancellationToken cancellation = default) =>
        _server.CopyAsync(FormattableString.Invariant($"{Of(job, "/checkpoints")}/{step}/files"), destination, cancellation);

    public Task<JobMembers> MembersAsync(string job, CancellationToken cancellation = default) => _server.GetAsync(Of(job, "/members"), ClusterJson.Plain.JobMembers, cancellation);

    public Task<Verdict> DiagnoseAsync(string job, CancellationToken cancellation = default) => _server.GetAsync(Of(job, "/diagnosis"), ClusterJson.Plain.Verdict, cancellation);

    public void Dispose() => _server.Dispose();

    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }

    private static string Of(string job, string more = "") => $"jobs/{Uri.EscapeDataString(job)}{more}";
}
