using System.Diagnostics;
using DistTrain.Contracts;
using DistTrain.Kernels;
using DistTrain.Learning;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>
/// A whole cluster on this machine: one job, parameter shards and workers (threads of this process, or child processes). Shards and
/// job run to completion on the workers' threads; the result's bits do not depend on how many there are or which of them vanish.
/// </summary>
public sealed class EmbeddedCluster : IDisposable
{
    private const int MaxFruitless = 3;

    // Without a folder a save keeps nothing, but after it the machines let go of the records they hold for a recovery: memory stays flat.
    private const int KeptRecords = 1024;

    // After the end: a thread may still be computing a lease that nobody needs any more.
    private static readonly TimeSpan _joinLimit = TimeSpan.FromMinutes(1);

    private readonly ResolvedJob _job;
    private readonly RunOptions _options;
    private readonly RunFeed? _feed;
    private readonly IFileSystem _files;
    private readonly JobPlan _plan;
    private readonly IReadOnlyList<ShardRange> _ranges;
    private readonly MachineSet _machines;
    private readonly Device _device;
    private readonly DeviceBuffer _weights;
    private readonly ShardMemory[] _memories;
    private readonly GradientPool _gradients;
    private readonly StagePools? _stages;
    private readonly WeightVersions _versions;
    private readonly LossLog _log = new();
    private readonly Lock _changing = new();
    private readonly List<WorkerThread> _threads = [];
    private readonly TimeProvider _time;
    private WorkerProcesses? _processes;
    private JobHost? _scheduler;
    private int _workers;
    private int _fruitless;
    private bool _running;
    private bool _abandoned;

    /// <param name="feed">Where progress goes; null = nowhere.</param>
    public EmbeddedCluster(ResolvedJob job, RunOptions options, RunFeed? feed = null) : this(job, options, feed, new DiskFileSystem(), TimeProvider.System)
    {
    }

    /// <param name="files">Where checkpoints go.</param>
    /// <param name="time">Wall clock, for the expiry of tokens.</param>
    public EmbeddedCluster(ResolvedJob job, RunOptions options, RunFeed? feed, IFileSystem files, TimeProvider time)
    {
        (_job, _options, _feed, _files, _time) = (job, options, feed, files, time);
        if (options.Workers < 1 && options.Processes < 1) throw new ArgumentException($"workers is {options.Workers}. It must be 1 or more.", nameof(options));
        if (options.WorkerSilence < TimeSpan.FromSeconds(1)) throw new ArgumentException($"workerSilence is {options.WorkerSilence.TotalSeconds} s. It must be 1 s or more: a worker process says a word every quarter of a second, and a busy machine may delay some.", nameof(options));
        if (options.Processes > 0 && job.Layout.Length > WorkerProcesses.MaxElements) throw new ArgumentException($"the model has {job.Layout.Length} elements and processes is {options.Processes}. Worker processes take at most {WorkerProcesses.MaxElements}: use worker threads (processes: 0).", nameof(options));
        var pipeline = PipelinePlan.Of(job, options.Shards, options.Pipeline);
        _ranges = pipeline.Shards;
        _plan = PlanOf(job, options, _ranges) with { Stages = pipeline.Stages };
        _machines = new MachineSet(_plan.Key, feed) { Job = job.Name };
        _device = new CpuDevice(1, options.InstructionSet);
        _weights = _device.Allocate(job.Layout.Length);
        _memories = [.. _ranges.Select(range => new ShardMemory(job.Layout, range, job.Optimizer, _device, _weights.View) { MeasureEvery = job.Diagnosis.Layers })];
        _versions = new WeightVersions(_ranges.Count);
        _gradients = new GradientPool(_device, job.Layout.Length, _ranges);
        _stages = _plan.IsPiped ? new StagePools(pipeline, job.Layout, _device) : null;
    }

    /// <summary>Numbers of the workers that have not ended or vanished.</summary>
    public IReadOnlyList<int> Workers => [.. _machines.Workers.Select(w => w.Number)];

    /// <summary>Process ids of worker processes by worker number; empty with worker threads.</summary>
    public IReadOnlyDictionary<int, int> ProcessIds => _processes?.Ids ?? new Dictionary<int, int>();

    /// <summary>Units of micro-batches that went through a stage of a pipeline, forward or back; 0 without one.</summary>
    public long StageUnits => _stages?.Units ?? 0;

    /// <summary>Runs the job to its end. Cancelling stops at a checkpoint (where there is a folder) and returns Interrupted.</summary>
    public Task<TrainingResult> RunAsync(CancellationToken cancellation = default) =>
        Task.Factory.StartNew(() => Run(cancellation), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <summary>A worker more, at any time before the job ends; it takes leases at once.</summary>
    /// <returns>Its number.</returns>
    public int AddWorker()
    {
        lock (_changing)
        {
            var number = _workers++;
            var host = new WorkerHost(new WorkerMachine(_plan, number, new WorkerHello($"worker {number}", _plan.Identity)), _machines, number, stages: _stages) { Vanished = Replace };
            // The thread of a worker process only runs machines; one of this process computes on its device too.
            var device = new CpuDevice(_options.Processes > 0 ? 1 : ComputeThreads, _options.InstructionSet);
            Func<WorkerThread, IComputer> computer = _options.Processes > 0 ? _ => _processes!.Start(host, ComputeThreads) : t => IComputer.Make(_job, _options.Device, t.Device, _weights.View);
            var thread = new WorkerThread(host, _machines, _job, _gradients, _versions, device, computer, _feed) { Spin = Spin };
            _machines.Add(host);
            _threads.Add(thread);
            if (_running) thread.Start();
            return number;
        }
    }

    /// <summary>Makes a worker vanish without a goodbye: a process by kill -9, a thread so that its lease is lost and nothing it still computes counts.</summary>
    /// <param name="point">When; a process is killed at once.</param>
    /// <returns>False where it is not there.</returns>
    public bool KillWorker(int number, KillPoint point = KillPoint.Now)
    {
        if (_machines.Workers.FirstOrDefault(w => w.Number == number) is not { } worker) return false;
        if (_processes is not null) return _processes.Kill(number);
        worker.Kill(point);
        return true;
    }

    /// <summary>What the scheduler waits for now, the wait that holds it up first; empty before the run, after it, and where it is too busy to be asked.</summary>
    public IReadOnlyList<WaitReport> Waits()
    {
        IReadOnlyList<WaitReport> waits = [];
        if (Volatile.Read(ref _scheduler) is { } scheduler && !_machines.Stopping) scheduler.TryLook(() => waits = ((JobMachine)scheduler.Machine).WaitReports(_machines.Now));
        return waits;
    }

    /// <summary>First element and length of each shard's stretch of the flat weights.</summary>
    public IReadOnlyList<ShardRange> Ranges => _ranges;

    public void Dispose()
    {
        if (_abandoned) return;
        _gradients.Dispose();
        _stages?.Dispose();
        foreach (var memory in _memories) memory.Dispose();
        _weights.Dispose();
        _log.Dispose();
        _device.Dispose();
    }

    private int ComputeThreads => _options.ComputeThreads > 0 ? _options.ComputeThreads : Math.Max(1, Environment.ProcessorCount / StartWorkers);

    // A worker that waits for the others' part of a step soon has work again, and a core that went to sleep meanwhile wakes late and slow. With a core for
    // each it looks for a millisecond, and offers the core to others while it does.
    private TimeSpan Spin => _options.Processes == 0 && StartWorkers * ComputeThreads <= Environment.ProcessorCount ? TimeSpan.FromMilliseconds(1) : WakeSignal.ShortSpin;

    private int StartWorkers => _options.Processes > 0 ? _options.Processes : _options.Workers;

    // Going on must never mean beginning anew beside somebody else's checkpoints.
    private string? WhyNotResume()
    {
        if (!_options.Resume || _options.CheckpointFolder.Length == 0) return null;
        var store = new CheckpointStore(_files, _options.CheckpointFolder);
        var others = 0;
        foreach (var manifest in store.Manifests())
        {
            try
            {
                if (store.ReadManifest(manifest).Identity == _job.Identity) return null;
                others++;
            }
            catch (InvalidDataException)
            {
                // Damaged: of which job it was is not known.
            }
        }
        return others == 0 ? null : $"{_options.CheckpointFolder} holds {others} checkpoints, and none of them is of this job: spec, model or data have changed. Resume with the spec they were made with, or train without resuming into another folder.";
    }

    private TrainingResult Run(CancellationToken cancellation)
    {
        using var work = new BackgroundWork("checkpoints", _machines);
        var store = new StateStore(_job, _options, _ranges, _machines, _log, _files, work);
        var file = _options.CheckpointFolder.Length > 0 ? new RegisterFile(_files, _options.CheckpointFolder) : null;
        var register = new RegisterAccess(new EmbeddedRegister(file, _machines), work);
        using var units = UnitWatch.Of(_job, _weights.View);
        var job = new JobHost(new JobMachine(_plan, new StepRule(_job)), _machines, store, register, _log, _feed, _ => _machines.Stop()) { Layers = LayerFigures.Of(_job), Units = units, Watch = VerdictWatch.Of(_job) };
        var memory = new SharedSeatMemory(_memories, _versions);
        _processes = _options.Processes > 0 ? new WorkerProcesses(_job, _options, _machines, _device, _weights.View, _versions, _ranges.Count, _time) : null;
        try
        {
            if (WhyNotResume() is { } why) return Failed(why, job, store);
            _machines.Add(job);
            Volatile.Write(ref _scheduler, job);
            for (var s = 0; s < _ranges.Count; s++) _machines.Add(new SeatHost(new ShardMachine(_plan, s), _machines, memory, store));
            job.Post(Message(MessageKind.Start, job) with { Payload = new JobStart(BitConverter.ToUInt64(Guid.NewGuid().ToByteArray()), _options.Resume) });
            if (_options.StopAfterSteps > 0) job.Post(job.StopRequest(_options.StopAfterSteps));
            lock (_changing)
            {
                while (_workers < StartWorkers) AddWorker();
                _running = true;
                foreach (var thread in _threads) thread.Start();
            }
            using var cancelling = cancellation.Register(() => _machines.DeliverFromOutside(job.StopRequest()));
            using var device = new CpuDevice(1, _options.InstructionSet);
            _machines.Attend(device);
            return Result(job, store);
        }
        finally
        {
            EndWorkers();
            _processes?.Dispose();
            _feed?.Complete();
        }
    }

    // Where workers are processes, one that dies is replaced; but not for ever if none of them ever does anything.
    private void Replace(WorkerHost lost)
    {
        if (_options.Processes == 0 || _machines.Stopping) return;
        if (lost.HasWorked) Interlocked.Exchange(ref _fruitless, 0);
        else if (Interlocked.Increment(ref _fruitless) >= MaxFruitless)
        {
            _machines.Fail(new WorkerLostException($"{MaxFruitless} worker processes in a row ended before they had computed anything. The last warnings say how."));
            return;
        }
        if (_options.ReplaceWorkers) AddWorker();
    }

    /// <summary>Ends everything that computes: worker processes are let go first, so that no thread waits for one; then the threads.</summary>
    private void EndWorkers()
    {
        _machines.Stop();
        IReadOnlyList<WorkerThread> threads;
        lock (_changing)
        {
            threads = [.. _threads];
            _threads.Clear();
            _running = false;
        }
        _processes?.LetGo();
        var limit = Stopwatch.StartNew();
        foreach (var thread in threads)
        {
            var left = _joinLimit - limit.Elapsed;
            if (thread.Join(left > TimeSpan.Zero ? left : TimeSpan.Zero)) continue;
            // What it may still write to is never freed; what it computes counts for nothing.
            _abandoned = true;
            _machines.Warn($"the thread of worker {thread.Number} did not end within {_joinLimit.TotalSeconds:F0} s of the run and is left behind: its computation hangs.");
        }
    }

    private Message Message(MessageKind kind, MachineHost host) => new() { Kind = kind, From = Address.Host, To = host.Machine.Address, Job = _plan.Key };

    private TrainingResult Result(JobHost job, StateStore store)
    {
        EndWorkers();
        if (_machines.Failure is { } failure) return Failed(failure is WorkerLostException ? string.Join(Environment.NewLine, [failure.Message, .. _machines.Warnings.TakeLast(3)]) : $"the cluster failed: {failure}", job, store);
        return job.State switch
        {
            JobState.Succeeded => Describe(TrainingStatus.Completed, null, job, store),
            JobState.Stopped when job.Watch?.Ended is { IsStop: false } => Describe(TrainingStatus.Completed, null, job, store),
            JobState.Stopped when job.Watch?.Ended is { } ended => Describe(TrainingStatus.Interrupted, ended.Reason, job, store),
            JobState.Stopped or JobState.Paused => Describe(TrainingStatus.Interrupted, job.Reason.Length > 0 ? job.Reason : null, job, store),
            _ => Failed(job.Reason, job, store),
        };
    }

    private TrainingResult Failed(string reason, JobHost job, StateStore store) => Describe(TrainingStatus.Failed, reason, job, store);

    private TrainingResult Describe(TrainingStatus status, string? error, JobHost job, StateStore store)
    {
        var steps = Math.Max(job.Steps, store.RestoredSteps);
        var evaluation = _log.LastEvaluation;
        var seconds = _machines.Now.TotalSeconds;
        return new TrainingResult
        {
            Status = status, Error = error, Steps = steps, StepsThisRun = job.StepsThisRun, Epochs = (int)(steps / _job.StepsPerEpoch), Seconds = seconds,
            SamplesPerSecond = job.SamplesPerSecond, TrainLoss = Training.TrainLoss.OfLastEpoch(_log, _job.StepsPerEpoch),
            TestLoss = evaluation?.Loss ?? double.NaN, TestAccuracy = evaluation is { } e ? (double)e.Correct / e.Samples : double.NaN,
            WeightsSha256 = VectorHash.OfWeights(_job.Layout, _weights.View.AsSpan()), StateSha256 = VectorHash.OfState(_job.Layout, _job.Optimizer.StateCount, _memories), LossLogSha256 = _log.Sha256(),
            Workers = StartWorkers, Shards = _ranges.Count, MicroBatches = _job.MicroBatches, Checkpoint = store.Newest, Warnings = _machines.Warnings,
        };
    }

    private static JobPlan PlanOf(ResolvedJob job, RunOptions options, IReadOnlyList<ShardRange> ranges) => job.Plan(ranges, options) with
    {
        CheckpointEvery = options.CheckpointFolder.Length > 0 ? options.CheckpointEvery : KeptRecords, Limits = _limits,
    };

    // In one process no message is lost and nobody is silent: what vanishes is reported at once. These limits only keep the machines' own clocks quiet.
    private static readonly TimeLimits _limits = new()
    {
        Resend = TimeSpan.FromMinutes(2), Heartbeat = TimeSpan.FromMinutes(2), Silence = TimeSpan.FromDays(1), Lease = TimeSpan.FromHours(1),
    };
}
