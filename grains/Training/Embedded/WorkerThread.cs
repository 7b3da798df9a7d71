using System.Diagnostics;
using DistTrain.Kernels;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>The thread of one worker: it runs machines that have messages, computes its leases, and sleeps when there is nothing to do.</summary>
internal sealed class WorkerThread
{
    private readonly WorkerHost _host;
    private readonly MachineSet _machines;
    private readonly ResolvedJob _job;
    private readonly GradientPool _gradients;
    private readonly WeightVersions _versions;
    private readonly Func<WorkerThread, IComputer> _makeComputer;
    private readonly Thread _thread;
    private readonly TreeNode[] _cover;
    private readonly RunFeed? _feed;
    private readonly Func<bool> _wantsHelp;
    private long _compute;
    private long _wait;
    private long _serve;
    private long _nextPhases;
    private long _microBatches;
    private WorkerTimes _told;
    private bool _lost;

    public WorkerThread(WorkerHost host, MachineSet machines, ResolvedJob job, GradientPool gradients, WeightVersions versions, Device device, Func<WorkerThread, IComputer> makeComputer, RunFeed? feed)
    {
        (_host, _machines, _job, _gradients, _versions, Device, _makeComputer, _feed) = (host, machines, job, gradients, versions, device, makeComputer, feed);
        _cover = new TreeNode[Math.Max(TreeNode.MostInCover(job.MicroBatches), TreeNode.MostInCover(job.EvaluationMicroBatches))];
        _wantsHelp = machines.WantsHelp;
        _thread = new Thread(Run) { IsBackground = true, Name = $"worker {host.Number}" };
    }

    /// <summary>Driven by this thread alone.</summary>
    public Device Device { get; }

    public int Number => _host.Number;

    /// <summary>How long it looks for work before it sleeps.</summary>
    public TimeSpan Spin { get; init; } = WakeSignal.ShortSpin;

    /// <summary>For people.</summary>
    public string Name { get; init; } = "";

    /// <summary>Called when the thread has left, and nothing of the worker computes any more.</summary>
    public Action? Left { get; init; }

    /// <summary>Where its time went so far. From any thread.</summary>
    public WorkerTimes Times => new(SecondsOf(ref _compute), SecondsOf(ref _wait), SecondsOf(ref _serve), Interlocked.Read(ref _microBatches));

    private static double SecondsOf(ref long ticks) => Stopwatch.GetElapsedTime(0, Interlocked.Read(ref ticks)).TotalSeconds;

    public void Start() => _thread.Start();

    /// <returns>False where it has not ended by then.</returns>
    public bool Join(TimeSpan limit)
    {
        if ((_thread.ThreadState & System.Threading.ThreadState.Unstarted) == 0) return _thread.Join(limit);
        Device.Dispose();
        Left?.Invoke();
        return true;
    }

    private void Run()
    {
        try
        {
            using (var computer = _makeComputer(this))
            {
                _host.Begin();
                using var tasks = _host.Stages is { } pools ? new StageTasks(_job, pools, computer, _versions, _host) : null;
                Work(computer, tasks);
            }
        }
        catch (WorkerLostException e)
        {
            // Its lease went back at once (Work); by now there was time to see how it ended.
            var why = e.Describe();
            if (!_host.Vanish(why) && _lost) _machines.Warn(why);
        }
        catch (Exception e)
        {
            _machines.Fail(e);
        }
        finally
        {
            if (_host.Ended) _machines.Remove(_host);
            Device.Dispose();
            Left?.Invoke();
        }
    }

    private void Work(IComputer computer, StageTasks? tasks)
    {
        try
        {
            while (!_machines.Stopping && !_host.Dead && !_host.Ended)
            {
                var from = Stopwatch.GetTimestamp();
                _machines.Drain(Device, _host.Number);
                var served = Stopwatch.GetTimestamp();
                _serve += served - from;
                if (_host.TryTakeLease(out var lease))
                {
                    Compute(computer, lease);
                    _compute += Stopwatch.GetTimestamp() - served;
                }
                else if (tasks is not null && _host.TryTakeTask(out var task))
                {
                    tasks.Run(task);
                    _compute += Stopwatch.GetTimestamp() - served;
                }
                else
                {
                    Sleep();
                    _wait += Stopwatch.GetTimestamp() - served;
                }
                if (_feed is not null && Stopwatch.GetTimestamp() >= _nextPhases) ReportPhases();
            }
            // A run of a few steps ends before the first report is due: its workers are told of all the same.
            if (_feed is not null) ReportPhases();
        }
        catch (WorkerLostException)
        {
            // How it ended is known later, perhaps when the others have finished the run: it was lost all the same.
            _lost = _host.Vanish() && !_machines.Stopping;
            throw;
        }
    }

    private void Sleep()
    {
        _host.SayIdle();
        // Between the last look and the word that it is idle, work may have come: look again before sleeping.
        if (!_machines.AnyWork() && !_machines.Stopping) _host.Signal.Wait(Timeout.InfiniteTimeSpan, Spin, _wantsHelp);
        _host.SayBusy();
    }

    private void Compute(IComputer computer, in Message lease)
    {
        var training = lease.Open.Kind == StepKind.Train;
        using var span = TrainingSpans.Begin(training ? "lease" : "lease.evaluation", _machines.Job, training ? lease.Open.Step + 1 : lease.Open.Step)?.SetTag("disttrain.worker", _host.Number).SetTag("disttrain.microbatches", lease.Node.Count);
        var nodes = TreeNode.Cover(lease.Node.First, lease.Node.Count, training ? _job.MicroBatches : _job.EvaluationMicroBatches, _cover);
        var answer = new Message { Kind = MessageKind.Computed, From = Address.Host, To = _host.Machine.Address, Job = _machines.JobKey, Incarnation = lease.Incarnation, Step = lease.Step, Lease = lease.Lease };
        try
        {
            if (!_versions.TryRead(lease.Open.Step, out var weights)) throw new WeightsGoneException(lease.Open.Step);
            for (var i = 0; i < nodes && !_machines.Stopping; i++)
            {
                if (training && new MicroBatches(_job.SamplesOf(lease.Open.Step), _job.MicroBatches).IsAbsent(_cover[i])) continue;
                if (training) _host.Post(answer with { Node = _cover[i], Payload = Gradient(computer, lease.Open.Step, _cover[i], weights) });
                else _host.Post(answer with { Node = _cover[i], Totals = Evaluate(computer, lease.Open.Step, _cover[i], weights) });
                _host.HasWorked = true;
                Interlocked.Add(ref _microBatches, _cover[i].Count);
                _machines.Drain(Device, _host.Number);
            }
        }
        catch (WeightsGoneException)
        {
            // Others have finished the step: not a failure, and nothing of it is pushed.
            _host.Post(answer with { Kind = MessageKind.ComputeFailed });
        }
        catch (Exception e) when (e is not WorkerLostException)
        {
            _host.Post(answer with { Kind = MessageKind.ComputeFailed, Text = e.ToString() });
        }
    }

    private EvaluationTotals Evaluate(IComputer computer, long version, TreeNode node, long weights)
    {
        var totals = computer.Evaluate(version, node);
        return _versions.StillHolds(weights) ? totals : throw new WeightsGoneException(version);
    }

    private NodeGradient Gradient(IComputer computer, long step, TreeNode node, long weights)
    {
        var gradient = _gradients.Rent();
        try
        {
            computer.Gradient(step, node, gradient.Buffer);
            if (!_versions.StillHolds(weights)) throw new WeightsGoneException(step);
            gradient.Seal();
            return gradient;
        }
        catch
        {
            gradient.Release();
            throw;
        }
    }

    private void ReportPhases()
    {
        if (Times != _told)
        {
            _feed!.Write(new RunRecord
            {
                Kind = RunRecordKind.Phases, Worker = _host.Number, Seconds = _machines.Now.TotalSeconds,
                Compute = Times.Compute - _told.Compute, Wait = Times.Wait - _told.Wait, Serve = Times.Serve - _told.Serve,
            });
            _told = Times;
        }
        _nextPhases = Stopwatch.GetTimestamp() + Stopwatch.Frequency / 4;
    }
}

/// <summary>Where a worker's time went, in seconds, and how many micro-batches it has computed.</summary>
internal readonly record struct WorkerTimes(double Compute, double Wait, double Serve, long MicroBatches);

/// <summary>The worker at the other end is gone: its process ended or its connection closed.</summary>
internal sealed class WorkerLostException(string message, Exception? cause = null, Func<string>? describe = null) : IOException(message, cause)
{
    /// <summary>The message, with what can be learnt by waiting a moment.</summary>
    public string Describe() => describe?.Invoke() ?? Message;
}
