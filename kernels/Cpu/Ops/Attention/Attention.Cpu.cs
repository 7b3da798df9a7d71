using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <summary>Each sample's head is a chain of small products through the tile kernel, all operands in one thread's cache; threads share samples and heads.</summary>
internal sealed unsafe class AttentionCpu(CpuDevice device) : IAttention
{
    public void Forward(in AttentionShape shape, int samples, View qkv, View y, View weights)
    {
        AttentionReference.Expect(shape, samples, qkv, y, weights);
        Run(shape, samples, qkv.Floats(), weights.Floats(), y.Floats(), null);
    }

    public void Backward(in AttentionShape shape, int samples, View qkv, View weights, View dy, View dQkv)
    {
        AttentionReference.Expect(shape, samples, qkv, dy, weights);
        OperandCheck.Shape("attention", "dQkv", dQkv, qkv.Length);
        Run(shape, samples, qkv.Floats(), weights.Floats(), dy.Floats(), dQkv.Floats());
    }

    private void Run(in AttentionShape shape, int samples, float* qkv, float* weights, float* y, float* dQkv)
    {
        var units = samples * shape.Heads;
        if (device.InstructionSet == InstructionSet.Vector512)
        {
            var job = new Job<Lane512>(device, shape, units, qkv, weights, y, dQkv);
            device.Run(ref job, Math.Min(device.Threads, units));
        }
        else
        {
            var job = new Job<Lane256>(device, shape, units, qkv, weights, y, dQkv);
            device.Run(ref job, Math.Min(device.Threads, units));
        }
    }

    private readonly struct Job<T>(CpuDevice device, AttentionShape shape, int units, float* qkv, float* weights, float* y, float* dQkv) : IParallelJob where T : unmanaged, IWideLane<T>
    {
        // Whole strips of two vectors of either body.
        private readonly int _keys = (shape.Steps + 31) & ~31;
        private readonly int _width = (shape.Width + 31) & ~31;

        public void Run(int part, int thread)
        {
            var (start, end) = Stretch.Items(part, Math.Min(device.Threads, units), units);
            var (transposed, rows, square) = ((long)_keys * shape.Width, (long)shape.Steps * _width, (long)shape.Steps * _keys);
            var tables = 4L * Math.Max(_keys, _width);
            var scratch = device.Scratch(thread, transposed + 2 * rows + square + tables);
            new Span<float>(scratch, checked((int)(transposed + 2 * rows))).Clear(); // lanes past the last key or element
            var work = new Work
            {
                Wide = device.InstructionSet == InstructionSet.Vector512, Transposed = scratch, Rows = scratch + transposed, Result = scratch + transposed + rows, Scores = scratch + transposed + 2 * rows,
            };
            work.Along = (int*)(work.Scores + square);
            work.Across = work.Along + Math.Max(_keys, _width);
            work.ByKeys = work.Across + Math.Max(_keys, _width);
            work.ByWidth = work.ByKeys + Math.Max(_keys, _width);
            Panels.Offsets(work.ByKeys, shape.Width, _keys);
            Panels.Offsets(work.ByWidth, shape.Steps, _width);
            Panels.Offsets(work.Along, Math.Max(shape.Steps, shape.Width), 1);
            for (var unit = start; unit < end; unit++)
            {
                if (dQkv == null) Forward(unit, work);
                else Backward(unit, work);
            }
        }

        private void Forward(int unit, in Work work)
        {
            var (row, steps, width) = (3L * shape.RowLength, shape.Steps, shape.Width);
            var (sample, head) = (unit / shape.Heads, unit % shape.Heads);
            var q = qkv + sample * steps * row + head * width;
            float* k = q + shape.RowLength, v = k + shape.RowLength, p = weights + (long)unit * steps * steps;
            Panels.TransposeToLanes(k, row, work.Transposed, _keys, steps, width);
            Scores(q, row, work);
            var scale = AttentionReference.Scale(shape);
            for (var i = 0; i < steps; i++)
            {
                var seen = shape.Causal ? i + 1 : steps;
                Scaled(work.Scores + (long)i * _keys, p + (long)i * steps, seen, scale);
                SoftmaxRows<T>.Forward(p + (long)i * steps, p + (long)i * steps, seen);
                new Span<float>(p + (long)i * steps + seen, steps - seen).Clear();
            }
            Panels.Copy(v, row, work.Rows, _width, steps, width);
            Values(p, steps, work, y + (sample * steps * (long)shape.Heads + head) * width, shape.RowLength);
        }

        private void Backward(int unit, in Work work)
        {
            var (row, gradientRow, steps, width) = (3L * shape.RowLength, (long)shape.RowLength, shape.Steps, shape.Width);
            var (sample, head) = (unit / shape.Heads, unit % shape.Heads);
            var at = sample * steps * row + head * width;
            float* q = qkv + at, k = q + shape.RowLength, v = k + shape.RowLength, p = weights + (long)unit * steps * steps;
            float* dq = dQkv + at, dk = dq + shape.RowLength, dv = dk + shape.RowLength, g = y + (sample * steps * (long)shape.Heads + head) * width;
            Panels.TransposeToLanes(v, row, work.Transposed, _keys, steps, width);
            Scores(g, gradientRow, work);
            var scale = AttentionReference.Scale(shape);
            for (var i = 0; i < steps; i++) Slopes(work.Scores + (long)i * _keys, p + (long)i * steps, shape.Causal ? i + 1 : steps, _keys, scale);
            Panels.Copy(k, row, work.Rows, _width, steps, width);
            Values(work.Scores, _keys, work, dq, row);
            Panels.Copy(q, row, work.Rows, _width, steps, width);
            Columns(work.Scores, _keys, work, dk, row);
            Panels.Copy(g, gradientRow, work.Rows, _width, steps, width);
            Columns(p, steps, work, dv, row);
        }

        // Scores[i, j] = a_i · transposed_j for the keys that row i sees, in whole strips.
        private void Scores(float* a, long aRow, in Work work)
        {
            for (var i = 0; i < shape.Steps; i += work.TileRows)
            {
                var rows = Math.Min(work.TileRows, shape.Steps - i);
                var call = new TileCall { A = a + i * aRow, ARow = aRow, AOffsets = work.Along, BOffsets = work.ByKeys };
                work.Multiply(ref call, work.Transposed, rows, shape.Width, shape.Causal ? i + rows : shape.Steps, work.Scores + (long)i * _keys, _keys);
            }
        }

        // to[i] = Σ over keys of weights[i, key] · Rows[key].
        private void Values(float* a, int aRow, in Work work, float* to, long toRow)
        {
            for (var i = 0; i < shape.Steps; i += work.TileRows)
            {
                var rows = Math.Min(work.TileRows, shape.Steps - i);
                var call = new TileCall { A = a + (long)i * aRow, ARow = aRow, AOffsets = work.Along, BOffsets = work.ByWidth };
                work.Multiply(ref call, work.Rows, rows, shape.Keys(i), shape.Width, work.Result + (long)i * _width, _width);
            }
            Panels.Copy(work.Result, _width, to, toRow, shape.Steps, shape.Width);
        }

        // to[j] = Σ over queries of weights[query, j] · Rows[query].
        private void Columns(float* a, int aRow, in Work work, float* to, long toRow)
        {
            Panels.Offsets(work.Across, shape.Steps, aRow);
            for (var j = 0; j < shape.Steps; j += work.TileRows)
            {
                var (rows, first) = (Math.Min(work.TileRows, shape.Steps - j), shape.FirstQuery(j));
                var call = new TileCall { A = a + j, ARow = 1, AOffsets = work.Across + first, BOffsets = work.ByWidth + first };
                work.Multiply(ref call, work.Rows, rows, shape.Steps - first, shape.Width, work.Result + (long)j * _width, _width);
            }
            Panels.Copy(work.Result, _width, to, toRow, shape.Steps, shape.Width);
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

    /// <summary>One thread's memory: an operand transposed [width, keys], one by rows [steps, width], a product [steps, width], scores [steps, keys], and offset tables.</summary>
    private struct Work
    {
        /// <summary>Divides <see cref="AttentionShape.KeyBlock"/>: a tile's rows see the same blocks of keys.</summary>
        public readonly int TileRows => Wide ? 8 : 4;

        public bool Wide;
        public float* Transposed, Rows, Result, Scores;
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
