using DistTrain.Contracts;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>How a job's scheduler ended.</summary>
/// <param name="State">Superseded: another node holds the job now, and the result says nothing.</param>
public sealed record JobOutcome(JobState State, TrainingResult Result);

/// <summary>A job whose scheduler runs on this node. It answers for the whole job: what it does not hold itself, the other nodes report twice a second.</summary>
public sealed class HostedJob
{
    private readonly TaskCompletionSource<JobOutcome> _outcome = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal HostedJob(ClusterJob job, RunFeed feed) => (Job, Feed) = (job, feed);

    public ClusterJob Job { get; }

    /// <summary>Steps, evaluations, events, warnings, phases; ends with the job. A scheduler that takes a job up first tells the steps committed before it.</summary>
    public RunFeed Feed { get; }

    /// <summary>Completes when the scheduler has ended on this node, whatever the reason; faults only where the node's own code failed.</summary>
    public Task<JobOutcome> Outcome => _outcome.Task;

    public JobStatus Status() => throw new NotSupportedException();

    /// <summary>Every wait of the job now, the one that holds it up first.</summary>
    public IReadOnlyList<WaitReport> Why() => throw new NotSupportedException();

    public JobMembers Members() => throw new NotSupportedException();

    /// <summary>Published checkpoints, newest first.</summary>
    public IReadOnlyList<CheckpointReport> Checkpoints() => throw new NotSupportedException();

    /// <summary>Gives a command; completes with the control as it was recorded (its step is set). A repeat with the same id changes nothing.</summary>
    /// <exception cref="ArgumentException">The command cannot be.</exception>
    public Task<Control> ControlAsync(Control control, CancellationToken cancellation = default) => throw new NotSupportedException();

    /// <summary>Finish the step, save, end.</summary>
    public Task<Control> StopAsync(string commandId, CancellationToken cancellation = default) => ControlAsync(new Control(commandId, ControlKind.Stop, 0), cancellation);
}
