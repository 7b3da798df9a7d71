using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;

namespace DistTrain.Training;

/// <summary>
/// What the parts of a job did for a step and how long it took, as spans of the activity source <c>DistTrain</c>; docs/operations.md lists them. The trace's id follows from job
/// and step, so the scheduler's and all workers' spans of one step are one trace without a word between them. Where nobody listens, there is no span.
/// </summary>
internal static class TrainingSpans
{
    private static readonly ActivitySource _source = new(TrainingMeter.Name);

    /// <summary>Something begins, and ends when what is returned is disposed of.</summary>
    /// <param name="step">1, 2, 3, ...: the step that it is for, or after which it is.</param>
    public static Activity? Begin(string what, string job, long step) => _source.HasListeners() ? Start(what, job, step, default) : null;

    /// <summary>Something ended just now.</summary>
    public static void Tell(string what, string job, long step, TimeSpan took)
    {
        if (_source.HasListeners()) Start(what, job, step, DateTimeOffset.UtcNow - took)?.Dispose();
    }

    private static Activity? Start(string what, string job, long step, DateTimeOffset at)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{job}/{step}")).AsSpan();
        var trace = new ActivityContext(ActivityTraceId.CreateFromBytes(hash[..16]), ActivitySpanId.CreateFromBytes(hash[16..24]), ActivityTraceFlags.Recorded, isRemote: true);
        return _source.StartActivity(what, ActivityKind.Internal, trace, [new("disttrain.job", job), new("disttrain.step", step)], startTime: at);
    }
}
