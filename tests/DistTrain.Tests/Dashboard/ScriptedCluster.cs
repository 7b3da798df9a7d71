using System.Runtime.CompilerServices;
using DistTrain.Contracts;
using DistTrain.Diagnosis;

namespace DistTrain.Tests.Dashboard;

/// <summary>A cluster with one job, "job-1", that says what a test has it say.</summary>
internal sealed class ScriptedCluster : ITrainingCluster
{
    private long _sequence;

    public LiveLog<MetricPoint> Points { get; } = new();

    public LiveLog<TrainingEvent> Happened { get; } = new();

    public List<JobSubmission> Submissions { get; } = [];

    public List<string> Commands { get; } = [];

    public string State { get; private set; } = JobStates.Running;

    /// <summary>Set: every call is refused with it.</summary>
    public Exception? Refusal { get; set; }

    /// <summary>Of its one checkpoint, of step 7.</summary>
    public string Manifest { get; set; } = "a.manifest.json";

    public JobStatus Status => new() { Job = "job-1", Name = "job", State = State, Step = _sequence, TotalSteps = 1_000_000, StepsPerEpoch = 100 };

    public void Step(double loss = 1, double norm = 2) => Points.Add(new MetricPoint { Sequence = Points.Count + 1, Kind = "step", Step = ++_sequence, Loss = loss, LearningRate = 0.1, GradientNorm = norm, ClippedNorm = Math.Min(norm, 1), Samples = 8, Seconds = _sequence / 10.0 });

    public void Event(string text) => Happened.Add(new TrainingEvent(Happened.Count + 1, DateTimeOffset.UnixEpoch, _sequence, "note", "info", text));

    public void End()
    {
        State = JobStates.Succeeded;
        Points.Complete();
        Happened.Complete();
    }

    public Task<JobStatus> SubmitAsync(JobSubmission submission, CancellationToken cancellation = default)
    {
        Submissions.Add(submission);
        return Of("job-1", Status);
    }

    public Task<IReadOnlyList<JobStatus>> ListAsync(CancellationToken cancellation = default) => Of<IReadOnlyList<JobStatus>>("job-1", [Status]);

    public Task<JobStatus> GetAsync(string job, CancellationToken cancellation = default) => Of(job, Status);

    public Task<string> SpecAsync(string job, CancellationToken cancellation = default) => Of(job, "apiVersion: disttrain/v1\n");

    public async IAsyncEnumerable<TrainingEvent> EventsAsync(string job, long after = 0, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        await foreach (var (_, entry) in Happened.FollowAsync(after, cancellation)) yield return entry;
    }

    public async IAsyncEnumerable<MetricPoint> MetricsAsync(string job, long after = 0, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        await foreach (var (_, entry) in Points.FollowAsync(after, cancellation)) yield return entry;
    }

    public Task<JobStatus> StopAsync(string job, string commandId, CancellationToken cancellation = default)
    {
        Commands.Add(commandId);
        return Of(job, Status);
    }

    public Task<IReadOnlyList<WaitReport>> WhyAsync(string job, CancellationToken cancellation = default) => Of<IReadOnlyList<WaitReport>>(job, [new WaitReport("job", "step 3", "worker 1", 1.5, double.PositiveInfinity, "step 3 waits for worker 1")]);

    public Task<IReadOnlyList<CheckpointReport>> CheckpointsAsync(string job, CancellationToken cancellation = default) => Of<IReadOnlyList<CheckpointReport>>(job, [new CheckpointReport(7, double.NaN, double.NaN, DateTimeOffset.UnixEpoch, 100, Manifest)]);

    public Task<JobMembers> MembersAsync(string job, CancellationToken cancellation = default) => Of(job, new JobMembers([], []));

    public Task<Verdict> DiagnoseAsync(string job, CancellationToken cancellation = default) => Of(job, LossDiagnosis.Of(new TrainingCurves()));

    private Task<T> Of<T>(string job, T answer) => Refusal is not null ? Task.FromException<T>(Refusal)
        : job == "job-1" ? Task.FromResult(answer) : Task.FromException<T>(new ClusterException(ClusterError.NotFound, $"there is no job {job}."));
}
