using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace DistTrain.Kernels;

/// <summary>Work cut into parts that may run at the same time. A job is a struct: dispatch allocates nothing and inlines its body.</summary>
public interface IParallelJob
{
    /// <param name="part">Which part: 0 to parts - 1. What a part computes must follow from this index alone.</param>
    /// <param name="thread">The thread that runs it, 0 (the caller) to threads - 1: the index of its scratch memory.</param>
    void Run(int part, int thread);
}

/// <summary>
/// The compute threads of one device, the caller's included. Thread t of T runs parts [t·parts/T, (t+1)·parts/T): fixed by
/// index, never by arrival. A thread without work spins for about 20 microseconds, then parks. Threads start at the first dispatch.
/// </summary>
internal sealed unsafe class ComputeThreads(int threads) : IDisposable
{
    private static readonly long SpinTicks = Stopwatch.Frequency / 50_000;

    private readonly Worker?[] _workers = new Worker?[threads];
    private readonly AutoResetEvent _finished = new(false);
    private readonly Lock _failureLock = new();
    private delegate*<void*, int, int, int, void> _body;
    private void* _job;
    private int _parts;
    private int _used;
    private int _busy;
    private int _callerParked;
    private int _failedPart;
    private ExceptionDispatchInfo? _failure;
    private bool _disposed;
    private PaddedInt _pending;

    /// <summary>Runs every part and returns when all are done. The failure of the lowest part is thrown again here.</summary>
    public void Run<TJob>(ref TJob job, int parts) where TJob : struct, IParallelJob
    {
        if (threads == 1 || parts <= 1)
        {
            for (var part = 0; part < parts; part++) job.Run(part, 0);
            return;
        }
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (Interlocked.Exchange(ref _busy, 1) != 0)
            throw new InvalidOperationException("a device runs one job at a time: a part may not start another, and one thread drives a device.");
        try
        {
            // The copy lies on this stack frame, which outlives the job: its address is fixed without pinning.
            var local = job;
            Dispatch(&RunParts<TJob>, Unsafe.AsPointer(ref local), parts);
            job = local;
        }
        finally
        {
            Volatile.Write(ref _busy, 0);
        }
    }

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        foreach (var worker in _workers) worker?.Stop();
        _finished.Dispose();
    }

    private static void RunParts<TJob>(void* job, int first, int end, int thread) where TJob : struct, IParallelJob
    {
        ref var typed = ref Unsafe.AsRef<TJob>(job);
        for (var part = first; part < end; part++) typed.Run(part, thread);
    }

    private void Dispatch(delegate*<void*, int, int, int, void> body, void* job, int parts)
    {
        _body = body;
        _job = job;
        _parts = parts;
        _used = Math.Min(threads, parts);
        (_failure, _failedPart) = (null, int.MaxValue);
        Volatile.Write(ref _pending.Value, _used - 1);
        for (var thread = 1; thread < _used; thread++) (_workers[thread] ??= new Worker(this, thread)).Wake();
        RunThread(0);
        AwaitWorkers();
        _failure?.Throw();
    }

    private void RunThread(int thread)
    {
        var first = (int)((long)thread * _parts / _used);
        var end = (int)((long)(thread + 1) * _parts / _used);
        try
        {
            _body(_job, first, end, thread);
        }
        catch (Exception failure)
        {
            lock (_failureLock)
                if (first < _failedPart) (_failure, _failedPart) = (ExceptionDispatchInfo.Capture(failure), first);
        }
    }

    private void AwaitWorkers()
    {
        while (!SpinUntil(ref _pending.Value, 0))
        {
            Interlocked.Exchange(ref _callerParked, 1);
            // Whoever takes the mark back decides: the caller (no signal will come) or a worker (its signal must be taken). That worker may
            // have been late with a round that is over, so the signal alone proves nothing.
            if (Volatile.Read(ref _pending.Value) == 0 && Interlocked.Exchange(ref _callerParked, 0) == 1) return;
            _finished.WaitOne();
        }
    }

    private void WorkerDone()
    {
        if (Interlocked.Decrement(ref _pending.Value) == 0 && Interlocked.Exchange(ref _callerParked, 0) == 1) _finished.Set();
    }

    private static bool SpinUntil(ref int place, int value)
    {
        var start = Stopwatch.GetTimestamp();
        do
        {
            for (var i = 0; i < 8; i++)
            {
                if (Volatile.Read(ref place) == value) return true;
                Thread.SpinWait(1);
            }
        }
        while (Stopwatch.GetTimestamp() - start < SpinTicks);
        return false;
    }

    /// <summary>An int alone on its cache lines.</summary>
    [System.Runtime.InteropServices.StructLayout(System.Runtime.InteropServices.LayoutKind.Explicit, Size = 256)]
    private struct PaddedInt
    {
        [System.Runtime.InteropServices.FieldOffset(128)]
        public int Value;
    }

    private sealed class Worker
    {
        private readonly ComputeThreads _owner;
        private readonly int _index;
        private readonly AutoResetEvent _signal = new(false);
        private readonly Thread _thread;
        private PaddedInt _round;
        private int _parked;
        private volatile bool _stopping;

        public Worker(ComputeThreads owner, int index)
        {
            (_owner, _index) = (owner, index);
            _thread = new Thread(Loop) { IsBackground = true, Name = $"compute {index}" };
            _thread.Start();
        }

        public void Wake()
        {
            Interlocked.Increment(ref _round.Value);
            if (Interlocked.Exchange(ref _parked, 0) == 1) _signal.Set();
        }

        public void Stop()
        {
            _stopping = true;
            Wake();
            _thread.Join();
            _signal.Dispose();
        }

        private void Loop()
        {
            for (var round = 1; ; round++)
            {
                while (!SpinUntil(ref _round.Value, round)) Park(round);
                if (_stopping) return;
                _owner.RunThread(_index);
                _owner.WorkerDone();
            }
        }

        // May return early: the caller can be late in taking the mark of a round that this worker has already run.
        private void Park(int round)
        {
            Interlocked.Exchange(ref _parked, 1);
            if (Volatile.Read(ref _round.Value) == round && Interlocked.Exchange(ref _parked, 0) == 1) return;
            _signal.WaitOne();
        }
    }
}
