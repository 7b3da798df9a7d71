using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <summary>Rows are copied whole; for the gradient they are sorted by token (counting sort, stable) and threads share the tokens.</summary>
internal sealed unsafe class EmbeddingCpu(CpuDevice device) : IEmbedding
{
    public void Forward(int vocabulary, int width, View ids, View table, View y)
    {
        EmbeddingReference.ExpectForward(vocabulary, width, ids, table, y);
        var parts = Stretch.Parts(device, ids.Length, width);
        var job = new CopyJob(ids.Length, width, parts, ids.Floats(), table.Floats(), y.Floats());
        device.Run(ref job, parts);
    }

    public void BackwardTable(Segments segments, int rowsPerSample, int vocabulary, int width, View ids, View dy, View dTable)
    {
        EmbeddingReference.ExpectBackward(segments, rowsPerSample, vocabulary, width, ids, dy, dTable);
        var rows = ids.Length;
        var starts = (int*)device.SharedScratch(rows + vocabulary + 2L);
        var order = starts + vocabulary + 2;
        SortByToken(ids.Floats(), rows, vocabulary, starts, order);
        var parts = Stretch.Parts(device, vocabulary, (long)Math.Max(1, rows / vocabulary) * width);
        if (device.InstructionSet == InstructionSet.Vector512)
        {
            var job = new TableJob<Lane512>(device, segments, rowsPerSample, vocabulary, width, parts, starts, order, dy.Floats(), dTable.Floats());
            device.Run(ref job, parts);
        }
        else
        {
            var job = new TableJob<Lane256>(device, segments, rowsPerSample, vocabulary, width, parts, starts, order, dy.Floats(), dTable.Floats());
            device.Run(ref job, parts);
        }
    }

    // Afterwards order[starts[t]..starts[t + 1]] are the rows of token t, in order.
    private static void SortByToken(float* ids, int rows, int vocabulary, int* starts, int* order)
    {
        new Span<int>(starts, vocabulary + 2).Clear();
        for (var row = 0; row < rows; row++) starts[(int)ids[row] + 2]++;
        for (var token = 2; token < vocabulary + 2; token++) starts[token] += starts[token - 1];
        for (var row = 0; row < rows; row++) order[starts[(int)ids[row] + 1]++] = row;
    }

    private readonly struct CopyJob(int rows, int width, int parts, float* ids, float* table, float* y) : IParallelJob
    {
        public void Run(int part, int thread)
        {
            var (start, end) = Stretch.Items(part, parts, rows);
            for (var row = start; row < end; row++)
                new ReadOnlySpan<float>(table + (long)ids[row] * width, width).CopyTo(new Span<float>(y + (long)row * width, width));
        }
    }

    private readonly struct TableJob<T>(CpuDevice device, Segments segments, int rowsPerSample, int vocabulary, int width, int parts, int* starts, int* order, float* dy, float* dTable)
        : IParallelJob where T : unmanaged, IWideLane<T>
    {
        public void Run(int part, int thread)
        {
            var (start, end) = Stretch.Items(part, parts, vocabulary);
            var stack = device.Scratch(thread, (long)segments.StackDepth * width);
            for (var token = start; token < end; token++) Token(token, stack);
        }

        private void Token(int token, float* stack)
        {
            var (at, end, depth) = (starts[token], starts[token + 1], 0);
            var present = 0uL; // bit d: the stack's entry d holds a sum
            for (var segment = 0; segment < segments.Count; segment++, depth++)
            {
                var last = segments.End(segment) * rowsPerSample;
                if (at < end && order[at] < last)
                {
                    var sum = stack + (long)depth * width;
                    new Span<float>(sum, width).Clear();
                    for (; at < end && order[at] < last; at++) Add(dy + (long)order[at] * width, sum, width);
                    present |= 1uL << depth;
                }
                for (var merges = segments.MergesAfter(segment); merges > 0; merges--, depth--)
                {
                    var (lower, upper) = (1uL << (depth - 1), 1uL << depth);
                    if ((present & upper) == 0) continue;
                    var left = stack + (long)(depth - 1) * width;
                    var right = left + width;
                    if ((present & lower) == 0) new ReadOnlySpan<float>(right, width).CopyTo(new Span<float>(left, width));
                    else Add(right, left, width);
                    present = (present | lower) & ~upper;
                }
            }
            var to = new Span<float>(dTable + (long)token * width, width);
            if (present == 0) to.Clear();
            else new ReadOnlySpan<float>(stack, width).CopyTo(to);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static void Add(float* from, float* to, int count)
        {
            var i = 0;
            for (; i + 16 <= count; i += 16) T.Store(to + i, T.Load(to + i) + T.Load(from + i));
            if (i < count) T.StorePart(to + i, count - i, T.LoadPart(to + i, count - i) + T.LoadPart(from + i, count - i));
        }
    }
}
