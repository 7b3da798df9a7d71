using System.Collections.Concurrent;
using DistTrain.Protocol;
using DistTrain.Training;

namespace DistTrain.Tests.Training.Nodes;

/// <summary>A job on an in-memory cluster, whose scheduler is started again on another node when its own is lost; what Orleans does for real.</summary>
internal sealed class ClusterRun(InMemoryCluster cluster, ClusterJob job)
{
    private readonly Lock _gate = new();
    private readonly ConcurrentQueue<RunRecord> _records = new();
    private readonly SemaphoreSlim _news = new(0);
    private HostedJob? _hosted;
    private TrainingNode? _scheduler;
    private long _steps;

    public long Steps => Interlocked.Read(ref _steps);

    public HostedJob Hosted
    {
        get { lock (_gate) return _hosted!; }
    }

    public TrainingNode Scheduler
    {
        get { lock (_gate) return _scheduler!; }
    }

    public IEnumerable<RunRecord> Events => _records.Where(r => r.Kind is RunRecordKind.Event or RunRecordKind.Warning);

    public IEnumerable<long> StepsTold => _records.Where(r => r.Kind == RunRecordKind.Step).Select(r => r.Step);

    /// <summary>Seats for every shard and workers in turn, on new nodes; the scheduler is on the first.</summary>
    /// <param name="seatsBesideScheduler">Whether the scheduler's node has seats too.</param>
    public void Begin(int nodes, int workers, bool resume = false, bool seatsBesideScheduler = true)
    {
        for (var n = 0; n < nodes; n++) cluster.Add();
        cluster.Lost += (at, lost) => Move(lost);
        var all = cluster.Nodes;
        StartJob(all[0], resume);
        for (var s = 0; s < job.Options.Shards; s++)
            foreach (var node in seatsBesideScheduler ? all : all.Skip(1)) node.StartSeat(job, all[0].Address);
        for (var w = 0; w < workers; w++) all[w % all.Count].StartWorker(job, all[0].Address);
    }

    /// <summary>The node that plays this part now.</summary>
    public TrainingNode Pick(RecoveryTests.Victim victim)
    {
        var others = cluster.Nodes.Where(n => n != Scheduler).ToList();
        if (victim == RecoveryTests.Victim.Scheduler) return Scheduler;
        if (victim == RecoveryTests.Victim.Worker) return others[^1];
        // Two primaries on three nodes: where the scheduler has one, the other is elsewhere.
        var primaries = Hosted.Members().Shards.Select(s => s.Primary).ToHashSet();
        return others.Find(n => primaries.Contains(n.Address.Name)) ?? throw new InvalidOperationException($"no primary apart from the scheduler: {string.Join(", ", primaries)}");
    }

    /// <summary>Waits until this many steps are committed.</summary>
    public async Task Committed(long steps)
    {
        using var limit = new CancellationTokenSource(InMemoryCluster.Patience);
        while (Steps < steps)
        {
            try
            {
                await _news.WaitAsync(limit.Token);
            }
            catch (OperationCanceledException)
            {
                throw new TimeoutException($"{Steps} of {steps} steps are committed. {Describe()}");
            }
        }
    }

    public async Task<JobOutcome> End()
    {
        while (true)
        {
            var hosted = Hosted;
            JobOutcome outcome;
            try
            {
                outcome = await hosted.Outcome.WaitAsync(InMemoryCluster.Patience);
            }
            catch (TimeoutException)
            {
                throw new TimeoutException(Describe());
            }
            // The feed is read by another thread.
            if (hosted == Hosted && outcome.State != JobState.Superseded)
            {
                await Committed(outcome.Result.Steps);
                return outcome;
            }
        }
    }

    private string Describe() => string.Join(Environment.NewLine, Hosted.Why().Select(w => w.Text).Concat(_records.TakeLast(30).Select(r => $"{r.Kind} {r.Step} {r.Text}")).Concat(cluster.Problems));

    private void StartJob(TrainingNode node, bool resume)
    {
        lock (_gate)
        {
            _scheduler = node;
            _hosted = node.StartJob(job, cluster.Register, resume, [.. cluster.Nodes.Select(n => n.Address)]);
            _ = ReadAsync(_hosted.Feed);
        }
    }

    private void Move(NodeAddress lost)
    {
        lock (_gate)
        {
            if (_scheduler!.Address != lost || cluster.Nodes.Contains(_scheduler)) return;
            StartJob(cluster.Nodes[0], resume: true);
        }
    }

    private async Task ReadAsync(RunFeed feed)
    {
        await foreach (var record in feed.Records.ReadAllAsync())
        {
            _records.Enqueue(record);
            if (record.Kind == RunRecordKind.Step && record.Step > Steps) Interlocked.Exchange(ref _steps, record.Step);
            _news.Release();
        }
    }
}
