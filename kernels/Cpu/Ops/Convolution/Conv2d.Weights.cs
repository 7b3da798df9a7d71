using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace DistTrain.Kernels;

/// <summary>
/// Weight gradient: patchesᵀ · dy over rows (sample, position). Lanes are outputs (dy of one chunk is transposed), the taps (c, ky, kx)
/// are broadcast from the padded planes where they lie. Threads share blocks of channels, or whole chunks where there are too few blocks.
/// </summary>
internal sealed unsafe partial class Conv2dCpu
{
    // Taps of a unit: its planes stay in the L2 and its sums in the L1 or L2.
    private const int BlockTaps = 512;
    private const long MostChunkSums = 1 << 26;

    public void BackwardWeights(in Conv2dShape shape, Segments segments, View x, View dy, View dw, View dBias)
    {
        shape.CheckBackwardWeights(segments, x, dy, dw, dBias);
        if (IsDepthwise(shape)) BackwardWeightsDepthwise(shape, segments, x, dy, dw);
        else BackwardWeightsByTaps(shape, segments, x, dy, dw);
        if (dBias.IsNone) return;
        var bias = new BiasJob { Segments = segments, Dy = dy.Floats(), DBias = dBias.Floats(), Outputs = shape.Outputs, Positions = shape.OutY * shape.OutX, Parts = Math.Min(device.Threads, shape.Outputs) };
        device.Run(ref bias, bias.Parts);
    }

    private void BackwardWeightsByTaps(in Conv2dShape shape, Segments segments, View x, View dy, View dw)
    {
        var (channels, outputs, taps, positions) = (shape.Channels / shape.Groups, shape.Outputs / shape.Groups, shape.KernelY * shape.KernelX, shape.OutY * shape.OutX);
        var blocks = (channels * taps + BlockTaps - 1) / BlockTaps;
        var perThread = (device.Threads + shape.Groups - 1) / shape.Groups;
        // As many blocks for one thread as for the other: three between two would leave one idle for a third of the time.
        if (channels * taps >= perThread * 96) blocks = (blocks + perThread - 1) / perThread * perThread;
        blocks = Math.Min(blocks, channels);
        var blockChannels = (channels + blocks - 1) / blocks;
        blocks = (channels + blockChannels - 1) / blockChannels;
        var chunks = TileRuns.Count(segments, positions);
        // Eight outputs fill a Vector256: a Vector512 would idle by half.
        var wide = Wide && outputs > TapTile256.Lanes;
        var lanes = wide ? TapTile512.Lanes : TapTile256.Lanes;
        var row = (outputs + lanes - 1) / lanes * lanes;
        // Chunk sums of all chunks are kept at once: only where they fit.
        var byChunk = shape.Groups * blocks < device.Threads && chunks > 1 && (long)chunks * blockChannels * taps * row <= MostChunkSums;
        var tables = (2L * chunks + positions + 15) & ~15L;
        var shared = device.SharedScratch(tables + (byChunk ? (long)chunks * blockChannels * taps * row : 0));
        var job = new WeightsJob
        {
            Device = device, Wide = wide, Lanes = lanes, Shape = shape, X = x.Floats(), Dy = dy.Floats(), Dw = dw.Floats(),
            Planes = new Planes
            {
                SourceHeight = shape.Height, SourceWidth = shape.Width, StepY = 1, StepX = 1, PadY = shape.PaddingY, PadX = shape.PaddingX, PhasesY = 1, PhasesX = 1,
                Rows = (shape.OutY - 1) * shape.StrideY + (shape.KernelY - 1) * shape.DilationY + 1, Pitch = (shape.OutX - 1) * shape.StrideX + (shape.KernelX - 1) * shape.DilationX + 1,
            },
            GroupChannels = channels, GroupOutputs = outputs, Taps = taps, Positions = positions, Blocks = blocks, BlockChannels = blockChannels, Row = row,
            Slots = (TileRuns.ChunkRows - 2) / positions + 2,
            Chunks = chunks, ChunkRows = (int*)shared, ChunkMerges = (int*)shared + chunks, PositionOffsets = (int*)shared + 2 * (long)chunks, StackDepth = TileRuns.StackDepth(segments),
        };
        TileRuns.Fill(segments, positions, job.ChunkRows, job.ChunkMerges);
        job.FillPositionOffsets();
        if (byChunk)
        {
            job.ChunkSums = shared + tables;
            job.Parts = Math.Min(device.Threads, chunks);
            for (job.Unit = 0; job.Unit < shape.Groups * blocks; job.Unit++)
            {
                device.Run(ref job, job.Parts);
                job.FoldChunkSums();
            }
        }
        else
        {
            job.Parts = Math.Min(device.Threads, shape.Groups * blocks);
            device.Run(ref job, job.Parts);
        }
    }

    /// <summary>A unit is a group's block of channels; its sums are [taps (c, ky, kx), outputs in whole vectors].</summary>
    private struct WeightsJob : IParallelJob
    {
        public CpuDevice Device;
        public bool Wide;
        public int Lanes;
        public Conv2dShape Shape;
        public float* X;
        public float* Dy;
        public float* Dw;
        public Planes Planes;
        public int GroupChannels;
        public int GroupOutputs;
        public int Taps;
        public int Positions;
        public int Blocks;
        public int BlockChannels;

        /// <summary>Floats of one tap's sums, and of one position's gradients.</summary>
        public int Row;

        /// <summary>Samples that one chunk may touch: so many have their planes in scratch.</summary>
        public int Slots;
        public int Chunks;
        public int* ChunkRows;
        public int* ChunkMerges;

        /// <summary>Where the patch of each output position begins in a sample's planes.</summary>
        public int* PositionOffsets;
        public int StackDepth;
        public int Parts;
        public int Unit;

        /// <summary>[chunks, taps, Row], or null where a part runs all chunks of its units.</summary>
        public float* ChunkSums;

        private readonly long SumLength => (long)BlockChannels * Taps * Row;

        private readonly long SlotLength => (Planes.Length(BlockChannels) + 15) & ~15L;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void FillPositionOffsets()
        {
            var to = PositionOffsets;
            var (columns, step) = (Shape.OutX, Shape.StrideX);
            for (var oy = 0; oy < Shape.OutY; oy++)
            {
                var at = checked(oy * Shape.StrideY * Planes.Pitch);
                for (var ox = 0; ox < columns; ox++) *to++ = at + ox * step;
            }
        }

        public readonly void Run(int part, int thread)
        {
            var gradientsLength = (long)TileRuns.ChunkRows * Row;
            var stackLength = ChunkSums == null ? StackDepth * SumLength : 0;
            var scratch = Device.Scratch(thread, gradientsLength + stackLength + Slots * SlotLength + TileRuns.ChunkRows + BlockChannels * (long)Taps);
            var work = new Work { Gradients = scratch, Stack = scratch + gradientsLength, Planes = scratch + gradientsLength + stackLength };
            work.Rows = (int*)(work.Planes + Slots * SlotLength);
            work.TapOffsets = work.Rows + TileRuns.ChunkRows;
            for (var slot = 0; slot < Slots; slot++) Planes.Clear(work.Planes + slot * SlotLength, BlockChannels);
            // Whole vectors past the last output's lanes.
            if (Row - GroupOutputs >= 8) Panels.Zero(work.Gradients, gradientsLength);
            var tap = work.TapOffsets;
            for (var c = 0; c < BlockChannels; c++)
                for (var ky = 0; ky < Shape.KernelY; ky++)
                    for (var kx = 0; kx < Shape.KernelX; kx++) *tap++ = checked((int)Planes.Offset(c, ky * Shape.DilationY, kx * Shape.DilationX));
            if (ChunkSums != null)
            {
                RunChunks(Unit, (int)((long)part * Chunks / Parts), (int)((long)(part + 1) * Chunks / Parts), work);
                return;
            }
            var units = Shape.Groups * Blocks;
            for (var unit = (int)((long)part * units / Parts); unit < (int)((long)(part + 1) * units / Parts); unit++)
            {
                RunChunks(unit, 0, Chunks, work);
                Store(unit, work.Stack);
            }
        }

        /// <summary>Folds ChunkSums in place and stores the unit's weights.</summary>
        public readonly void FoldChunkSums()
        {
            var depth = 0;
            for (var chunk = 0; chunk < Chunks; chunk++, depth++)
            {
                if (depth != chunk) Panels.Copy(ChunkSums + chunk * SumLength, 0, ChunkSums + depth * SumLength, 0, 1, (int)SumLength);
                for (var merges = ChunkMerges[chunk]; merges > 0; merges--, depth--) Add(ChunkSums + (depth - 1) * SumLength, ChunkSums + depth * SumLength, SumLength);
            }
            Store(Unit, ChunkSums);
        }

        private readonly void RunChunks(int unit, int firstChunk, int endChunk, in Work work)
        {
            var (group, firstChannel) = (unit / Blocks, unit % Blocks * BlockChannels);
            var channels = Math.Min(BlockChannels, GroupChannels - firstChannel);
            long row = 0;
            for (var chunk = 0; chunk < firstChunk; chunk++) row += ChunkRows[chunk];
            var (filled, depth) = ((int)(row / Positions) - 1, 0);
            for (var chunk = firstChunk; chunk < endChunk; chunk++, depth++)
            {
                var rows = ChunkRows[chunk];
                for (var done = 0; done < rows;)
                {
                    var (n, position) = ((int)((row + done) / Positions), (int)((row + done) % Positions));
                    var count = Math.Min(rows - done, Positions - position);
                    var slot = n % Slots * SlotLength;
                    if (n > filled)
                    {
                        Planes.Fill(X + ((long)n * Shape.Channels + group * GroupChannels + firstChannel) * Planes.SourceHeight * Planes.SourceWidth, channels, work.Planes + slot);
                        filled = n;
                    }
                    FillRows(work.Rows + done, PositionOffsets + position, checked((int)slot), count);
                    Panels.TransposeToLanes(Dy + ((long)n * Shape.Outputs + (long)group * GroupOutputs) * Positions + position, Positions, work.Gradients + (long)done * Row, Row, GroupOutputs, count);
                    done += count;
                }
                MultiplyChunk(work, rows, channels * Taps, ChunkSums == null ? work.Stack + depth * SumLength : ChunkSums + chunk * SumLength);
                row += rows;
                if (ChunkSums != null) continue;
                for (var merges = ChunkMerges[chunk]; merges > 0; merges--, depth--) Add(work.Stack + (depth - 1) * SumLength, work.Stack + depth * SumLength, SumLength);
            }
        }

        // Where the patch of each position begins.
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void FillRows(int* rows, int* positionOffsets, int slot, int count)
        {
            var i = 0;
            for (; i + 8 <= count; i += 8) (Vector256.Load(positionOffsets + i) + Vector256.Create(slot)).Store(rows + i);
            for (; i < count; i++) rows[i] = positionOffsets[i] + slot;
        }

        private readonly void MultiplyChunk(in Work work, int rows, int taps, float* sum)
        {
            var call = new TapCall { A = work.Planes, AOffsets = work.Rows, Depth = rows, BStep = Row, CRow = Row };
            for (var output = 0; output < Row; output += 2 * Lanes)
            {
                var vectors = Row - output > Lanes ? 2 : 1;
                var maxRows = Wide ? TapTile512.MaxRows(vectors) : TapTile256.MaxRows(vectors);
                var tiles = (taps + maxRows - 1) / maxRows;
                call.B = work.Gradients + output;
                for (var tile = 0; tile < tiles; tile++)
                {
                    var tap = (int)((long)tile * taps / tiles);
                    var count = (int)((long)(tile + 1) * taps / tiles) - tap;
                    call.RowOffsets = work.TapOffsets + tap;
                    call.C = sum + (long)tap * Row + output;
                    if (Wide) TapTile512.Run(count, vectors, &call);
                    else TapTile256.Run(count, vectors, &call);
                }
            }
        }

        private readonly void Store(int unit, float* sum)
        {
            var (group, firstChannel) = (unit / Blocks, unit % Blocks * BlockChannels);
            var taps = Math.Min(BlockChannels, GroupChannels - firstChannel) * Taps;
            Panels.Transpose(sum, Row, Dw + ((long)group * GroupOutputs * GroupChannels + firstChannel) * Taps, (long)GroupChannels * Taps, taps, GroupOutputs);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Add(float* lower, float* upper, long length)
        {
            // Length is a multiple of a vector.
            for (long i = 0; i < length; i += 8) (Vector256.Load(lower + i) + Vector256.Load(upper + i)).Store(lower + i);
        }

        /// <summary>One thread's scratch: gradients of a chunk [rows, Row], sums [stack, taps, Row], planes [slots], offsets of rows and taps.</summary>
        private struct Work
        {
            public float* Gradients;
            public float* Stack;
            public float* Planes;
            public int* Rows;
            public int* TapOffsets;
        }
    }

    private struct BiasJob : IParallelJob
    {
        public Segments Segments;
        public float* Dy;
        public float* DBias;
        public int Outputs;
        public int Positions;
        public int Parts;

        public readonly void Run(int part, int thread)
        {
            Span<float> stack = stackalloc float[Segments.StackDepth + 1];
            for (var output = (int)((long)part * Outputs / Parts); output < (int)((long)(part + 1) * Outputs / Parts); output++)
            {
                var sums = new PartialSums(stack);
                for (var segment = 0; segment < Segments.Count; segment++) sums.Push(Sum(output, Segments.Start(segment), Segments.End(segment)), Segments.MergesAfter(segment));
                DBias[output] = sums.Total;
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly float Sum(int output, int firstSample, int endSample)
        {
            var tail = stackalloc float[16];
            Vector256<float> low = default, high = default;
            for (var n = firstSample; n < endSample; n++)
            {
                var dy = Dy + ((long)n * Outputs + output) * Positions;
                var position = 0;
                for (; position + 16 <= Positions; position += 16)
                {
                    low += Vector256.Load(dy + position);
                    high += Vector256.Load(dy + position + 8);
                }
                if (position == Positions) continue;
                for (var lane = 0; lane < 16; lane++) tail[lane] = position + lane < Positions ? dy[position + lane] : 0f;
                low += Vector256.Load(tail);
                high += Vector256.Load(tail + 8);
            }
            var eight = low + high;
            var four = eight.GetLower() + eight.GetUpper();
            return (four[0] + four[2]) + (four[1] + four[3]);
        }
    }
}
