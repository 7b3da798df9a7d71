using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <summary>Each sample's head is a chain of small products through the tile kernel, all operands in one thread's cache; threads share samples and heads.</summary>
internal sealed unsafe class AttentionCpu(CpuDevice device) : IAttention
{
    public void Forward(in AttentionShape shape, int samples, in AttentionOperands x, View y, View weights)
    {
        AttentionReference.Expect(shape, samples, x, y, weights);
        Run(shape, samples, x, weights.Floats(), y.Floats(), null);
    }

    public void Backward(in AttentionShape shape, int samples, in AttentionOperands x, View weights, View dy, in AttentionOperands dx)
    {
        AttentionReference.Expect(shape, samples, x, dy, weights);
        AttentionReference.ExpectSame(x, dx);
        Run(shape, samples, x, weights.Floats(), dy.Floats(), dx);
    }

    private void Run(in AttentionShape shape, int samples, in AttentionOperands x, float* weights, float* y, AttentionOperands? dx)
    {
        var units = samples * shape.Heads;
        var call = new Call(shape, x, weights, y, dx);
        if (device.InstructionSet == InstructionSet.Vector512)
        {
            var job = new Job<Lane512>(device, shape, units, call);
            device.Run(ref job, Math.Min(device.Threads, units));
        }
        else
        {
            var job = new Job<Lane256>(device, shape, units, call);
            device.Run(ref job, Math.Min(device.Threads, units));
        }
    }

    /// <summary>One call's arguments; Y is dy backward.</summary>
    private readonly struct Call(in AttentionShape shape, in AttentionOperands x, float* weights, float* y, AttentionOperands? dx)
    {
        public readonly AttentionRows X = new(shape, x), To = new(shape, dx ?? default);
        public readonly float* Tokens = x.Tokens.IsNone ? null : x.Tokens.Floats(), Keep = x.Keep.IsNone ? null : x.Keep.Floats(), Weights = weights, Y = y;
        public readonly bool IsBackward = dx is not null;
    }

    private readonly struct Job<T>(CpuDevice device, AttentionShape shape, int units, Call call) : IParallelJob where T : unmanaged, IWideLane<T>
    {
        // Whole strips of two vectors of either body.
        private readonly int _keys = (shape.KeySteps + 31) & ~31;
        private readonly int _width = (shape.Width + 31) & ~31;
        private readonly int _most = Math.Max(shape.Steps, shape.KeySteps);

        public void Run(int part, int thread)
        {
            var (start, end) = Stretch.Items(part, Math.Min(device.Threads, units), units);
            var (transposed, rows, square) = ((long)_keys * shape.Width, (long)_most * _width, (long)shape.Steps * _keys);
            var table = Math.Max((_most + 31) & ~31, _width);
            var scratch = device.Scratch(thread, transposed + 2 * rows + (call.Keep == null ? 1 : 2) * square + 4L * table);
            new Span<float>(scratch, checked((int)(transposed + 2 * rows))).Clear(); // lanes past the last key or element
            var work = new Work
            {
                Wide = device.InstructionSet == InstructionSet.Vector512, Transposed = scratch, Rows = scratch + transposed, Result = scratch + transposed + rows, Scores = scratch + transposed + 2 * rows,
            };
            work.Dropped = work.Scores + square;
            work.Along = (int*)(call.Keep == null ? work.Dropped : work.Dropped + square);
            work.Across = work.Along + table;
            work.ByKeys = work.Across + table;
            work.ByWidth = work.ByKeys + table;
            Panels.Offsets(work.ByKeys, shape.Width, _keys);
            Panels.Offsets(work.ByWidth, _most, _width);
            Panels.Offsets(work.Along, Math.Max(shape.KeySteps, shape.Width), 1);
            for (var unit = start; unit < end; unit++)
            {
                if (call.IsBackward) Backward(unit, work);
                else Forward(unit, work);
            }
        }

        private void Forward(int unit, in Work work)
        {
            var (x, steps, keys, width) = (call.X, shape.Steps, shape.KeySteps, shape.Width);
            var (sample, head) = (unit / shape.Heads, unit % shape.Heads);
            float* q = x.Q + x.QueryAt(unit), k = x.K + x.KeyAt(unit), v = x.V + x.KeyAt(unit), p = call.Weights + (long)unit * steps * keys;
            Panels.TransposeToLanes(k, x.KRow, work.Transposed, _keys, keys, width);
            Scores(q, x.QRow, work);
            var scale = AttentionReference.Scale(shape);
            for (var i = 0; i < steps; i++)
            {
                var seen = shape.Causal ? i + 1 : keys;
                Scaled(work.Scores + (long)i * _keys, p + (long)i * keys, seen, scale);
                if (call.Tokens != null) AttentionReference.Hide(p + (long)i * keys, call.Tokens + (long)sample * keys, seen, shape.Padding);
                SoftmaxRows<T>.Forward(p + (long)i * keys, p + (long)i * keys, seen);
                new Span<float>(p + (long)i * keys + seen, keys - seen).Clear();
            }
            Panels.Copy(v, x.KRow, work.Rows, _width, keys, width);
            Values(Dropped(p, unit, work), keys, work, call.Y + (sample * steps * (long)shape.Heads + head) * width, shape.RowLength);
        }

        private void Backward(int unit, in Work work)
        {
            var (x, to, gradientRow, steps, keys, width) = (call.X, call.To, (long)shape.RowLength, shape.Steps, shape.KeySteps, shape.Width);
            var (sample, head) = (unit / shape.Heads, unit % shape.Heads);
            var (queryAt, keyAt) = (x.QueryAt(unit), x.KeyAt(unit));
            float* q = x.Q + queryAt, k = x.K + keyAt, v = x.V + keyAt, p = call.Weights + (long)unit * steps * keys;
            float* dq = to.Q + queryAt, dk = to.K + keyAt, dv = to.V + keyAt, g = call.Y + (sample * steps * (long)shape.Heads + head) * width;
            Panels.TransposeToLanes(v, x.KRow, work.Transposed, _keys, keys, width);
            Scores(g, gradientRow, work);
            var scale = AttentionReference.Scale(shape);
            for (var i = 0; i < steps; i++)
            {
                var row = work.Scores + (long)i * _keys;
                if (call.Keep != null) Products(row, call.Keep + ((long)unit * steps + i) * keys, row, shape.Causal ? i + 1 : keys);
                Slopes(row, p + (long)i * keys, shape.Causal ? i + 1 : keys, _keys, scale);
            }
            Panels.Copy(k, x.KRow, work.Rows, _width, keys, width);
            Values(work.Scores, _keys, work, dq, to.QRow);
            Panels.Copy(q, x.QRow, work.Rows, _width, steps, width);
            Columns(work.Scores, _keys, work, dk, to.KRow);
            Panels.Copy(g, gradientRow, work.Rows, _width, steps, width);
            Columns(Dropped(p, unit, work), keys, work, dv, to.KRow);
        }

        // keep ∘ p, [steps, keys].
        private float* Dropped(float* p, int unit, in Work work)
        {
            if (call.Keep == null) return p;
            Products(p, call.Keep + (long)unit * shape.Steps * shape.KeySteps, work.Dropped, shape.Steps * shape.KeySteps);
            return work.Dropped;
        }

        // Scores[i, j] = a_i · transposed_j for the keys that row i sees, in whole strips.
        private void Scores(float* a, long aRow, in Work work)
        {
            for (var i = 0; i < shape.Steps; i += work.TileRows)
            {
                var rows = Math.Min(work.TileRows, shape.Steps - i);
                var tile = new TileCall { A = a + i * aRow, ARow = aRow, AOffsets = work.Along, BOffsets = work.ByKeys };
                work.Multiply(ref tile, work.Transposed, rows, shape.Width, shape.Causal ? i + rows : shape.KeySteps, work.Scores + (long)i * _keys, _keys);
            }
        }

        // to[i] = Σ over keys of weights[i, key] · Rows[key].
        private void Values(float* a, int aRow, in Work work, float* to, long toRow)
        {
            for (var i = 0; i < shape.Steps; i += work.TileRows)
            {
                var rows = Math.Min(work.TileRows, shape.Steps - i);
                var tile = new TileCall { A = a + (long)i * aRow, ARow = aRow, AOffsets = work.Along, BOffsets = work.ByWidth };
                work.Multiply(ref tile, work.Rows, rows, shape.Keys(i), shape.Width, work.Result + (long)i * _width, _width);
            }
            Panels.Copy(work.Result, _width, to, toRow, shape.Steps, shape.Width);
        }

        // to[j] = Σ over queries of weights[query, j] · Rows[query].
        private void Columns(float* a, int aRow, in Work work, float* to, long toRow)
        {
            Panels.Offsets(work.Across, shape.Steps, aRow);
            for (var j = 0; j < shape.KeySteps; j += work.TileRows)
            {
                var (rows, first) = (Math.Min(work.TileRows, shape.KeySteps - j), shape.FirstQuery(j));
                var tile = new TileCall { A = a + j, ARow = 1, AOffsets = work.Across + first, BOffsets = work.ByWidth + first };
                work.Multiply(ref tile, work.Rows, rows, shape.Steps - first, shape.Width, work.Result + (long)j * _width, _width);
            }
            Panels.Copy(work.Result, _width, to, toRow, shape.KeySteps, shape.Width);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static void Products(float* a, float* b, float* to, int count)
        {
            var i = 0;
            for (; i + 16 <= count; i += 16) T.Store(to + i, T.Load(a + i) * T.Load(b + i));
            if (i < count) T.StorePart(to + i, count - i, T.LoadPart(a + i, count - i) * T.LoadPart(b + i, count - i));
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static void Scaled(float* from, float* to, int count, float scale)
        {
            var (i, s) = (0, T.Of(scale));
            for (; i + 16 <= count; i += 16) T.Store(to + i, T.Load(from + i) * s);
            if (i < count) T.StorePart(to + i, count - i, T.LoadPart(from + i, count - i) * s);
        }

        // s = p·(s - Σ s·p)·scale below seen, 0 up to count (whole vectors).
        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static void Slopes(float* s, float* p, int seen, int count, float scale)
        {
            var (rest, whole, sums, zero) = (seen & 15, seen & ~15, T.Of(0f), T.Of(0f));
            for (var i = 0; i < whole; i += 16) sums = T.Fma(T.Load(s + i), T.Load(p + i), sums);
            if (rest > 0) sums = T.SelectBelow(rest, T.Fma(T.Load(s + whole), T.LoadPart(p + whole, rest), sums), sums);
            var (sum, by) = (T.Of(T.Sum(sums)), T.Of(scale));
            for (var i = 0; i < whole; i += 16) T.Store(s + i, T.Load(p + i) * (T.Load(s + i) - sum) * by);
            if (rest > 0) T.Store(s + whole, T.SelectBelow(rest, T.LoadPart(p + whole, rest) * (T.Load(s + whole) - sum) * by, zero));
            for (var i = (seen + 15) & ~15; i < count; i += 16) T.Store(s + i, zero);
        }
    }

    /// <summary>One thread's memory: an operand transposed [width, keys], one by rows [steps, width], a product [steps, width], scores and dropped weights [steps, keys], and offset tables.</summary>
    private struct Work
    {
        /// <summary>Divides <see cref="AttentionShape.KeyBlock"/>: a tile's rows see the same blocks of keys.</summary>
        public readonly int TileRows => Wide ? 8 : 4;

        public bool Wide;
        public float* Transposed, Rows, Result, Scores, Dropped;
        public int* Along, Across, ByKeys, ByWidth;

        public readonly void Multiply(ref TileCall call, float* b, int rows, int depth, int columns, float* c, long cRow)
        {
            var (noMerges, lanes) = (0, Wide ? Tile512.Lanes : Tile256.Lanes);
            (call.RunCount, call.CRow) = (1, cRow);
            call.RunRows = &depth;
            call.RunMerges = &noMerges;
            fixed (TileCall* at = &call)
                for (var column = 0; column < columns; column += 2 * lanes)
                {
                    at->B = b + column;
                    at->C = c + column;
                    if (Wide) Tile512.Run(rows, columns - column > lanes ? 2 : 1, at);
                    else Tile256.Run(rows, columns - column > lanes ? 2 : 1, at);
                }
        }
    }
}
