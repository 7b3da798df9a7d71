using System.Collections.Concurrent;
using System.Reflection;
using DistTrain.Contracts;
using DistTrain.Grains;
using DistTrain.Grains.Wire;
using DistTrain.Training;
using DistTrain.Training.Specs;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace DistTrain.Cluster.Tests.Training;

/// <summary>Whoever follows a job hears its end, whatever the grain in between answers while its silo dies.</summary>
public sealed class TellingTests
{
    public static TheoryData<string> Answers => [nameof(OperationCanceledException), nameof(ObjectDisposedException), nameof(InvalidOperationException), nameof(TimeoutException)];

    [Theory, MemberData(nameof(Answers))]
    public async Task What_a_job_tells_arrives_although_the_metrics_grain_once_fails_with(string answer)
    {
        var folder = Directory.CreateTempSubdirectory("disttrain-telling").FullName;
        try
        {
            var grain = DispatchProxy.Create<IMetricsGrain, DyingMetrics>();
            var dying = (DyingMetrics)(object)grain;
            dying.Answer = answer switch
            {
                nameof(OperationCanceledException) => new TaskCanceledException(),
                nameof(ObjectDisposedException) => new ObjectDisposedException("the silo"),
                nameof(InvalidOperationException) => new InvalidOperationException("the activation is deactivating"),
                _ => new TimeoutException(),
            };
            var feed = new RunFeed();
            using var meter = new TrainingMeter();
            var job = JobPlanner.Plan(JobFile.BuiltIn()).Job;
            var telling = new JobTelling("digits-0", job, feed, grain, new FolderStore(folder), meter.Follow("digits-0", () => Status(JobStates.Running), () => new JobMembers([], [])), TimeProvider.System, NullLogger.Instance);
            feed.Write(new RunRecord { Kind = RunRecordKind.Event, Text = "one" });
            await dying.Failed.WaitAsync(TrainingCluster.Limit);
            feed.Write(new RunRecord { Kind = RunRecordKind.Event, Text = "two" });
            feed.Complete();
            await telling.EndAsync(Status(JobStates.Succeeded)).WaitAsync(TrainingCluster.Limit);

            Assert.Equal(["one", "two"], dying.Events.Take(2).Select(e => e.Text));
            Assert.Equal("ended", dying.Events.Last().Kind);
            Assert.True(dying.IsComplete);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task A_metrics_grain_that_has_lost_its_memory_gets_all_that_is_kept_although_the_first_is_not_and_is_not_asked_without_pause()
    {
        var folder = Directory.CreateTempSubdirectory("disttrain-telling").FullName;
        try
        {
            const int Kept = 4096, Steps = 10_000;
            var grain = DispatchProxy.Create<IMetricsGrain, ForgetfulMetrics>();
            var forgetful = (ForgetfulMetrics)(object)grain;
            var feed = RunFeed.Whole();
            using var meter = new TrainingMeter();
            var telling = new JobTelling("digits-0", JobPlanner.Plan(JobFile.BuiltIn()).Job, feed, grain, new FolderStore(folder), meter.Follow("digits-0", () => Status(JobStates.Running), () => new JobMembers([], [])), TimeProvider.System, NullLogger.Instance, Kept);
            for (var i = 1; i <= Steps; i++) feed.Write(Step(i));
            await forgetful.Seen(Steps).WaitAsync(TrainingCluster.Limit);
            forgetful.Forget();
            feed.Write(Step(Steps + 1));
            await forgetful.Seen(Steps + 1).WaitAsync(TrainingCluster.Limit);
            Assert.InRange(forgetful.First, 2, Steps - 1000);
            Assert.Equal(Steps + 2 - forgetful.First, forgetful.Taken);
            Assert.True(forgetful.Empty <= 2, $"{forgetful.Empty} calls brought nothing.");
            telling.Abandon();

            static RunRecord Step(int i) => new() { Kind = RunRecordKind.Step, Step = i, Loss = 1, Samples = 1, Seconds = i };
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task What_a_viewer_misses_never_keeps_a_job_from_ending()
    {
        var folder = Directory.CreateTempSubdirectory("disttrain-telling").FullName;
        try
        {
            var grain = DispatchProxy.Create<IMetricsGrain, DyingMetrics>();
            var feed = RunFeed.Whole();
            using var meter = new TrainingMeter();
            var telling = new JobTelling("digits-0", JobPlanner.Plan(JobFile.BuiltIn()).Job, feed, grain, new FolderStore(folder), meter.Follow("digits-0", () => Status(JobStates.Running), () => new JobMembers([], [])), new BrokenClock(), NullLogger.Instance);
            feed.Write(new RunRecord { Kind = RunRecordKind.Event, Text = "one" });
            feed.Complete();
            await telling.EndAsync(Status(JobStates.Succeeded)).WaitAsync(TrainingCluster.Limit);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private sealed class BrokenClock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => throw new InvalidOperationException("no clock");
    }

    private static JobStatus Status(string state) => new() { Job = "digits-0", Name = "digits", State = state };

    [Fact]
    public async Task Who_follows_a_job_that_nobody_tells_of_hears_the_end_that_is_written()
    {
        await using var cluster = await TrainingCluster.StartAsync(1);
        var store = cluster.Silos.Silos[0].ServiceProvider.GetRequiredService<IClusterStore>();
        var spec = JobFile.BuiltIn().Spec;
        var entry = new JobEntry("untold-00000001", "untold", "untold", SpecWriter.ToJson(spec).ToJsonString(), SpecWriter.ToYaml(spec), DateTimeOffset.UnixEpoch);
        await store.WriteAsync(StoreKind.Job, entry.Job, entry.ToText(), 0, CancellationToken.None);

        // The grain is there before the end, as in a failover in the last moment.
        Assert.Equal(JobStates.Queued, (await cluster.Client.GetAsync(entry.Job)).State);
        await cluster.Silos.Client.GetGrain<IMetricsGrain>(entry.Job).Diagnose();
        await store.AppendAsync(entry.Job, [new TrainingEvent(1, DateTimeOffset.UnixEpoch, 0, "ended", "error", "the job has failed: so it is")], CancellationToken.None);
        await store.WriteAsync(StoreKind.End, entry.Job, JobEntry.ToText(new JobStatus { Job = entry.Job, Name = entry.Name, State = JobStates.Failed, Reason = "so it is" }), 0, CancellationToken.None);

        Assert.Equal("so it is", (await cluster.EndAsync(entry.Job)).Reason);
    }
}

/// <summary>A metrics grain on a silo that dies: one call fails, then it begins anew with nothing.</summary>
public class DyingMetrics : DispatchProxy
{
    private readonly TaskCompletionSource _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ConcurrentQueue<TrainingEvent> _events = new();
    private int _calls;

    public Exception Answer { get; set; } = new InvalidOperationException();

    public Task Failed => _failed.Task;

    public IReadOnlyList<TrainingEvent> Events => [.. _events];

    public bool IsComplete { get; private set; }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        Assert.Equal(nameof(IMetricsGrain.Append), targetMethod!.Name);
        if (Interlocked.Increment(ref _calls) == 1)
        {
            _failed.SetResult();
            return Task.FromException<MetricsWanted>(Answer);
        }
        foreach (var happened in (TrainingEvent[])args![1]!)
            if (happened.Sequence == _events.Count + 1) _events.Enqueue(happened);
        IsComplete |= (long)args[3]! == _events.Count;
        return Task.FromResult(new MetricsWanted(1, _events.Count + 1));
    }
}

/// <summary>A metrics grain that takes points as the real one does, and forgets them when it is told to.</summary>
public class ForgetfulMetrics : DispatchProxy
{
    private readonly Lock _gate = new();
    private (long Count, TaskCompletionSource Reached) _wanted = (long.MaxValue, new TaskCompletionSource());
    private long _last;
    private bool _forgot;

    /// <summary>Sequence of the first point after the loss.</summary>
    public long First { get; private set; }

    /// <summary>Points after the loss.</summary>
    public long Taken { get; private set; }

    /// <summary>Calls after the loss that brought points of which none could be taken.</summary>
    public int Empty { get; private set; }

    public Task Seen(long count)
    {
        lock (_gate)
        {
            _wanted = (count, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
            if (_last >= count) _wanted.Reached.SetResult();
            return _wanted.Reached.Task;
        }
    }

    public void Forget()
    {
        lock (_gate) (_last, First, Taken, _forgot) = (0, 0, 0, true);
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        var points = (MetricPoint[])args![0]!;
        lock (_gate)
        {
            var before = _last;
            if ((long)args[4]! <= _last)
                foreach (var point in points.Where(p => p.Sequence > _last))
                {
                    if (First == 0) First = point.Sequence;
                    _last = point.Sequence;
                    Taken++;
                }
            if (_forgot && points.Length > 0 && before == _last) Empty++;
            if (_last >= _wanted.Count) _wanted.Reached.TrySetResult();
            return Task.FromResult(new MetricsWanted(_last + 1, 1));
        }
    }
}
