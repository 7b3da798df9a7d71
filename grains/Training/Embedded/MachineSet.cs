using System.Diagnostics;
using DistTrain.Kernels;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>Where messages go whose machine is not in this process.</summary>
internal interface IOutside
{
    /// <returns>Whether it takes the message and its payload, which may still be lost on the way.</returns>
    bool Send(in Message message);
}

/// <summary>
/// The machines of one job in this process and the threads that run them. Whoever posts a message drains the machines before it
/// computes or sleeps, so no message waits for a thread that is away; threads with nothing to do are woken to help where there are several machines to run.
/// </summary>
/// <param name="outside">Where a cluster has other processes; null where all machines are here.</param>
internal sealed class MachineSet(ulong jobKey, RunFeed? feed, IOutside? outside = null)
{
    private const int MaxWarnings = 100;

    private readonly List<string> _warnings = [];
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly Lock _changing = new();
    private readonly WakeSignal _attendant = new();
    private MachineHost[] _hosts = [];
    private WorkerHost[] _workers = [];
    private RunFeed? _feed = feed;
    private long _attendUntil;

    public ulong JobKey { get; } = jobKey;

    /// <summary>The job's id or name, for traces.</summary>
    public string Job { get; init; } = "";

    public TimeSpan Now => Stopwatch.GetElapsedTime(_start);

    public IReadOnlyList<WorkerHost> Workers => Volatile.Read(ref _workers);

    /// <summary>Set once, by the first failure of the cluster's own code.</summary>
    public Exception? Failure { get; private set; }

    public bool Stopping { get; private set; }

    public void Add(MachineHost host)
    {
        lock (_changing)
        {
            Volatile.Write(ref _hosts, [.. _hosts, host]);
            if (host is WorkerHost worker) Volatile.Write(ref _workers, [.. _workers, worker]);
        }
    }

    public IReadOnlyList<MachineHost> Hosts => Volatile.Read(ref _hosts);

    public void Remove(MachineHost host)
    {
        lock (_changing)
        {
            Volatile.Write(ref _hosts, [.. _hosts.Where(h => h != host)]);
            Volatile.Write(ref _workers, [.. _workers.Where(w => w != host)]);
        }
    }

    /// <summary>Hands a message to the machine it is for, here or elsewhere; where there is none (any more) it is lost, as on a network.</summary>
    /// <returns>False where it is lost already: its payload stays with the caller.</returns>
    public bool Deliver(in Message message) => DeliverHere(message) || (outside?.Send(message) ?? false);

    private bool DeliverHere(in Message message)
    {
        foreach (var host in Volatile.Read(ref _hosts))
        {
            if (host.Machine.Address != message.To) continue;
            host.Post(message);
            return true;
        }
        return false;
    }

    /// <summary>A message from outside the worker threads: somebody is woken to handle it.</summary>
    public bool DeliverFromOutside(in Message message)
    {
        var here = DeliverHere(message);
        _attendant.Set();
        return here;
    }

    /// <summary>Somebody is to look whether messages wait.</summary>
    public void Wake() => _attendant.Set();

    /// <summary>Runs machines until no message waits that this thread could handle.</summary>
    /// <param name="first">Where to begin, so that threads begin at different machines.</param>
    public void Drain(Device device, int first)
    {
        var again = true;
        while (again && !Stopping)
        {
            again = false;
            var hosts = Volatile.Read(ref _hosts);
            for (var i = 0; i < hosts.Length; i++)
            {
                var host = hosts[(first + i) % hosts.Length];
                if (!host.HasMessages) continue;
                if (!again && Several(hosts)) WakeOne();
                again |= host.TryDrain(device);
            }
        }
    }

    /// <summary>Whether a machine has messages that no thread is handling.</summary>
    public bool AnyWork()
    {
        foreach (var host in Volatile.Read(ref _hosts))
            if (host.NeedsThread) return true;
        return false;
    }

    /// <summary>The loop of the thread that started the cluster: it keeps the machines' time and handles what comes from outside, until Stop.</summary>
    public void Attend(Device device)
    {
        while (!Stopping)
        {
            var (now, next) = (Now, TimeSpan.MaxValue);
            foreach (var host in Volatile.Read(ref _hosts))
            {
                if (host.NextWake <= now) host.Post(new Message { Kind = MessageKind.Tick, From = Address.Host, To = host.Machine.Address, Job = JobKey });
            }
            Drain(device, 0);
            // Before the machines are looked at: whoever changes one from here on sees that somebody may oversleep it.
            Interlocked.Exchange(ref _attendUntil, long.MaxValue);
            foreach (var host in Volatile.Read(ref _hosts)) next = host.NextWake < next ? host.NextWake : next;
            if (Stopping) break;
            Interlocked.Exchange(ref _attendUntil, next.Ticks);
            _attendant.Wait(next == TimeSpan.MaxValue ? TimeSpan.FromMilliseconds(-1) : TimeSpan.FromTicks(Math.Max(TimeSpan.TicksPerMillisecond, (next - Now).Ticks)));
        }
    }

    /// <summary>A machine now wants the time at <paramref name="wake"/>: the thread that keeps it must not sleep longer.</summary>
    public void WakeBy(TimeSpan wake)
    {
        if (wake.Ticks < Interlocked.Read(ref _attendUntil)) _attendant.Set();
    }

    /// <summary>Warnings go there from now on.</summary>
    public void TellWarnings(RunFeed? to) => Volatile.Write(ref _feed, to);

    /// <summary>Something went wrong that does not stop the run.</summary>
    public void Warn(string text, long step = 0, JobEventKind? about = null)
    {
        lock (_warnings)
            if (_warnings.Count < MaxWarnings) _warnings.Add(text);
        Volatile.Read(ref _feed)?.Write(new RunRecord { Kind = RunRecordKind.Warning, About = about, Step = step, Text = text, Seconds = Now.TotalSeconds });
    }

    public IReadOnlyList<string> Warnings
    {
        get { lock (_warnings) return [.. _warnings]; }
    }

    public void Stop()
    {
        Stopping = true;
        _attendant.Set();
        foreach (var worker in Workers) worker.Signal.Set();
    }

    /// <summary>The cluster's own code failed: nothing can be trusted to go on.</summary>
    public void Fail(Exception failure)
    {
        lock (_changing) Failure ??= failure;
        Stop();
    }

    /// <summary>More machines have messages than the thread that runs them can be at.</summary>
    public bool WantsHelp() => Several(Volatile.Read(ref _hosts));

    private static bool Several(MachineHost[] hosts)
    {
        var waiting = 0;
        foreach (var host in hosts)
            if (host.NeedsThread && ++waiting > 1) return true;
        return false;
    }

    private void WakeOne()
    {
        foreach (var worker in Volatile.Read(ref _workers))
            if (worker.TryWakeForHelp()) return;
    }
}
