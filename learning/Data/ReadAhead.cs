namespace DistTrain.Learning;

/// <summary>
/// Reads samples that are expected soon on the thread pool, beside the compute threads. Who comes for them before they are all there takes part in reading the rest. A sample is a pure function
/// of its index and epoch, so nothing depends on who read it, or whether it was read ahead at all.
/// </summary>
public sealed class ReadAhead(Dataset source) : Dataset
{
    // Batches that nobody came for (their worker is gone, or was given others) make room for newer ones.
    private const int MostWaiting = 32;

    private readonly Lock _gate = new();
    private readonly List<Batch> _waiting = [];
    private readonly Stack<Batch> _free = new();
    private long _taken;

    public override int Count => source.Count;

    public override Shape InputShape => source.InputShape;

    public override int Vocabulary => source.Vocabulary;

    public override Shape TargetShape => source.TargetShape;

    public override TargetKind TargetKind => source.TargetKind;

    public override int Classes => source.Classes;

    public override int Lanes => source.Lanes;

    public override DatasetIdentity Identity => source.Identity;

    /// <summary>Batches that had been expected when they were asked for.</summary>
    public long Taken => Interlocked.Read(ref _taken);

    public override void Read(int index, Span<float> input, Span<int> target) => source.Read(index, input, target);

    public override void Read(int index, long epoch, Span<float> input, Span<int> target) => source.Read(index, epoch, input, target);

    public override void Expect(ReadOnlySpan<int> indexes, long epoch)
    {
        Batch batch;
        lock (_gate)
        {
            if (_waiting.Count == MostWaiting) _waiting.RemoveAt(0);
            if (!_free.TryPop(out batch!)) batch = new Batch();
            batch.Begin(source, indexes, epoch);
            _waiting.Add(batch);
        }
        ThreadPool.UnsafeQueueUserWorkItem(static b => b.Work(), batch, preferLocal: false);
    }

    public override void ReadAll(ReadOnlySpan<int> indexes, long epoch, Span<float> inputs, Span<int> targets)
    {
        Batch? batch = null;
        lock (_gate)
            for (var i = 0; i < _waiting.Count && batch is null; i++)
                if (_waiting[i].Is(indexes, epoch))
                {
                    batch = _waiting[i];
                    _waiting.RemoveAt(i);
                }
        if (batch is null)
        {
            base.ReadAll(indexes, epoch, inputs, targets);
            return;
        }
        batch.Work();
        batch.CopyTo(inputs, targets);
        Interlocked.Increment(ref _taken);
        // The pool's item may not have begun yet and would then work for whoever has the batch next: it is used again only when the item is through.
        if (batch.IsLeft)
            lock (_gate) _free.Push(batch);
    }

    /// <summary>Samples side by side, claimed one by one by whoever reads.</summary>
    private sealed class Batch
    {
        private readonly Lock _failing = new();
        private readonly ManualResetEventSlim _done = new();
        private Dataset _source = null!;
        private int[] _indexes = [];
        private float[] _inputs = [];
        private int[] _targets = [];
        private int _count;
        private long _epoch;
        private int _next;
        private int _finished;
        private int _workers;
        private Exception? _failure;

        /// <summary>Both who came for it and the pool's item are through.</summary>
        public bool IsLeft => Volatile.Read(ref _workers) == 2;

        public void Begin(Dataset source, ReadOnlySpan<int> indexes, long epoch)
        {
            (_source, _count, _epoch, _next, _finished, _workers, _failure) = (source, indexes.Length, epoch, 0, 0, 0, null);
            _done.Reset();
            var (input, target) = (source.InputShape.Length, source.TargetShape.Length);
            if (_indexes.Length < _count) (_indexes, _inputs, _targets) = (new int[_count], new float[_count * input], new int[_count * target]);
            indexes.CopyTo(_indexes);
        }

        public bool Is(ReadOnlySpan<int> indexes, long epoch) => epoch == _epoch && indexes.SequenceEqual(_indexes.AsSpan(0, _count));

        public void Work()
        {
            var (input, target) = (_source.InputShape.Length, _source.TargetShape.Length);
            for (int i; (i = Interlocked.Increment(ref _next) - 1) < _count;)
            {
                try
                {
                    _source.Read(_indexes[i], _epoch, _inputs.AsSpan(i * input, input), _targets.AsSpan(i * target, target));
                }
                catch (Exception wrong)
                {
                    // Told to who comes for the batch; on the pool it would end the process.
                    lock (_failing) _failure ??= wrong;
                }
                if (Interlocked.Increment(ref _finished) == _count) _done.Set();
            }
            Interlocked.Increment(ref _workers);
        }

        /// <summary>Waits for samples that another thread is still reading.</summary>
        public void CopyTo(Span<float> inputs, Span<int> targets)
        {
            if (!_done.Wait(TimeSpan.FromMinutes(1))) throw new TimeoutException($"reading samples ahead: {_count - Volatile.Read(ref _finished)} of {_count} were not there after a minute. Reading hangs; set data.prefetch to off to see where.");
            lock (_failing)
                if (_failure is not null) throw new DatasetException($"a sample could not be read: {_failure.Message}", _failure);
            _inputs.AsSpan(0, inputs.Length).CopyTo(inputs);
            _targets.AsSpan(0, targets.Length).CopyTo(targets);
        }
    }
}
