using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace DistTrain.Kernels;

/// <summary>
/// Weight gradient: dyᵀ · patches over rows (sample, position). The patches of one chunk are written row by row (runs along kx), dy is
/// broadcast where it lies. Threads share column blocks, or whole chunks where there are too few of them.
/// </summary>
internal sealed unsafe partial class Conv2dCpu
{
    private const int BlockColumns = 512;

    public void BackwardWeights(in Conv2dShape shape, Segments segments, View x, View dy, View dw, View dBias)
    {
        shape.CheckBackwardWeights(segments, x, dy, dw, dBias);
        var (channels, outputs, taps, positions) = (shape.Channels / shape.Groups, shape.Outputs / shape.Groups, shape.KernelY * shape.KernelX, shape.OutY * shape.OutX);
        var blocks = (channels * taps + BlockColumns - 1) / BlockColumns;
        var perThread = (device.Threads + shape.Groups - 1) / shape.Groups;
        if (channels * taps >= perThread * 96) blocks = Math.Max(blocks, perThread);
        blocks = Math.Min(blocks, channels);
        var blockChannels = (channels + blocks - 1) / blocks;
        blocks = (channels + blockChannels - 1) / blockChannels;
        var chunks = TileRuns.Count(segments, positions);
        var row = (blockChannels * taps + Lanes - 1) / Lanes * Lanes;
        var byChunk = shape.Groups * blocks < device.Threads && chunks > 1;
        var tables = (2L * chunks + 15) & ~15L;
        var shared = device.SharedScratch(tables + (byChunk ? (long)chunks * outputs * row : 0));
        var job = new WeightsJob
        {
            Device = device, Wide = Wide, Lanes = Lanes, Shape = shape, X = x.Floats(), Dy = dy.Floats(), Dw = dw.Floats(),
            Planes = new Planes
            {
                SourceHeight = shape.Height, SourceWidth = shape.Width, StepY = 1, StepX = 1, PadY = shape.PaddingY, PadX = shape.PaddingX, PhasesY = 1, PhasesX = 1,
                Rows = (shape.OutY - 1) * shape.StrideY + (shape.KernelY - 1) * shape.DilationY + 1, Pitch = (shape.OutX - 1) * shape.StrideX + (shape.KernelX - 1) * shape.DilationX + 1,
            },
            GroupChannels = channels, GroupOutputs = outputs, Taps = taps, Positions = positions, Blocks = blocks, BlockChannels = blockChannels, Row = row,
            Chunks = chunks, ChunkRows = (int*)shared, ChunkMerges = (int*)shared + chunks, StackDepth = TileRuns.StackDepth(segments),
        };
        TileRuns.Fill(segments, positions, job.ChunkRows, job.ChunkMerges);
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
        if (dBias.IsNone) return;
        var bias = new BiasJob { Segments = segments, Dy = dy.Floats(), DBias = dBias.Floats(), Outputs = shape.Outputs, Positions = positions, Parts = Math.Min(device.Threads, shape.Outputs) };
        device.Run(ref bias, bias.Parts);
    }

    /// <summary>A unit is a group's block of channels: columns (c, ky, kx) of its weights.</summary>
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

        /// <summary>Floats from one row of patches, or of weights, to the next: the block's columns in whole vectors.</summary>
        public int Row;
        public int Chunks;
        public int* ChunkRows;
        public int* ChunkMerges;
        public int StackDepth;
        public int Parts;
        public int Unit;

        /// <summary>[chunks, GroupOutputs, Row], or null where a part runs all chunks of its units.</summary>
        public float* ChunkSums;

        private readonly long SumLength => (long)GroupOutputs * Row;

        public readonly void Run(int part, int thread)
        {
            var planesLength = (Planes.Length(BlockChannels) + 15) & ~15L;
            var patchesLength = (long)TileRuns.ChunkRows * Row + 16;
            var stackLength = ChunkSums == null ? StackDepth * SumLength : 0;
            var scratch = Device.Scratch(thread, planesLength + patchesLength + stackLength + 2 * TileRuns.ChunkRows);
            var patches = scratch + planesLength;
            var stack = patches + patchesLength;
            var tables = (int*)(stack + stackLength);
            Planes.Clear(scratch, BlockChannels);
            if (ChunkSums != null)
            {
                RunChunks(Unit, (int)((long)part * Chunks / Parts), (int)((long)(part + 1) * Chunks / Parts), scratch, patches, null, tables);
                return;
            }
            var units = Shape.Groups * Blocks;
            for (var unit = (int)((long)part * units / Parts); unit < (int)((long)(part + 1) * units / Parts); unit++)
            {
                RunChunks(unit, 0, Chunks, scratch, patches, stack, tables);
                Store(unit, stack);
            }
        }

        /// <summary>Folds ChunkSums in place and stores the unit's weights.</summary>
        public readonly void FoldChunkSums()
        {
            var depth = 0;
            for (var chunk = 0; chunk < Chunks; chunk++, depth++)
            {
                var sum = ChunkSums + depth * SumLength;
                if (depth != chunk) new Span<float>(ChunkSums + chunk * SumLength, (int)SumLength).CopyTo(new Span<float>(sum, (int)SumLength));
                for (var merges = ChunkMerges[chunk]; merges > 0; merges--, depth--) Add(ChunkSums + (depth - 1) * SumLength, ChunkSums + depth * SumLength, SumLength);
            }
            Store(Unit, ChunkSums);
        }

        private readonly void RunChunks(int unit, int firstChunk, int endChunk, float* planes, float* patches, float* stack, int* tables)
        {
            var (group, firstChannel) = (unit / Blocks, unit % Blocks * BlockChannels);
            var channels = Math.Min(BlockChannels, GroupChannels - firstChannel);
            long row = 0;
            for (var chunk = 0; chunk < firstChunk; chunk++) row += ChunkRows[chunk];
            var (filled, depth) = (-1, 0);
            for (var chunk = firstChunk; chunk < endChunk; chunk++, depth++)
            {
                var rows = ChunkRows[chunk];
                var firstSample = (int)(row / Positions);
                var to = patches;
                for (var done = 0; done < rows;)
                {
                    var (n, position) = ((int)((row + done) / Positions), (int)((row + done) % Positions));
                    var count = Math.Min(rows - done, Positions - position);
                    if (n != filled)
                    {
                        Planes.Fill(X + ((long)n * Shape.Channels + group * GroupChannels + firstChannel) * Planes.SourceHeight * Planes.SourceWidth, channels, planes);
                        filled = n;
                    }
                    for (var i = 0; i < count; i++) tables[done + i] = checked((int)((long)(n - firstSample) * Shape.Outputs * Positions + position + i));
                    PackPatches(planes, channels, position, count, to);
                    to += (long)count * Row;
                    done += count;
                }
                Panels.Offsets(tables + TileRuns.ChunkRows, rows, Row);
                var dy = Dy + ((long)firstSample * Shape.Outputs + (long)group * GroupOutputs) * Positions;
                var sum = stack == null ? ChunkSums + chunk * SumLength : stack + depth * SumLength;
                MultiplyChunk(dy, patches, tables, rows, channels * Taps, sum);
                row += rows;
                if (stack == null) continue;
                for (var merges = ChunkMerges[chunk]; merges > 0; merges--, depth--) Add(stack + (depth - 1) * SumLength, stack + depth * SumLength, SumLength);
            }
        }

        private readonly void MultiplyChunk(float* dy, float* patches, int* tables, int rows, int columns, float* sum)
        {
            var maxRows = Wide ? Tile512.MaxRows : Tile256.MaxRows;
            var tiles = (GroupOutputs + maxRows - 1) / maxRows;
            var noMerges = 0;
            var call = new TileCall { ARow = Positions, AOffsets = tables, BOffsets = tables + TileRuns.ChunkRows, RunRows = &rows, RunMerges = &noMerges, RunCount = 1, CRow = Row };
            for (var tile = 0; tile < tiles; tile++)
            {
                var output = (int)((long)tile * GroupOutputs / tiles);
                var outputs = (int)((long)(tile + 1) * GroupOutputs / tiles) - output;
                call.A = dy + (long)output * Positions;
                for (var column = 0; column < columns; column += 2 * Lanes)
                {
                    call.B = patches + column;
                    call.C = sum + (long)output * Row + column;
                    var vectors = columns - column > Lanes ? 2 : 1;
                    if (Wide) Tile512.Run(outputs, vectors, &call);
                    else Tile256.Run(outputs, vectors, &call);
                }
            }
        }

        // to [count, Row]: row = output position, column = (c, ky, kx). Narrow runs are copied in whole vectors; the next run overwrites the excess.
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void PackPatches(float* planes, int channels, int position, int count, float* to)
        {
            var (kernelY, kernelX, dilationX) = (Shape.KernelY, Shape.KernelX, Shape.DilationX);
            var (oy, ox) = (position / Shape.OutX, position % Shape.OutX);
            var rowStep = (long)Shape.DilationY * Planes.Pitch;
            var columns = channels * Taps;
            for (var i = 0; i < count; i++, to += Row)
            {
                for (var column = columns; column < Row; column++) to[column] = 0f;
                var at = to;
                var from = planes + (long)oy * Shape.StrideY * Planes.Pitch + (long)ox * Shape.StrideX;
                for (var c = 0; c < channels; c++, from += Planes.PlaneLength)
                {
                    var line = from;
                    for (var ky = 0; ky < kernelY; ky++, line += rowStep, at += kernelX)
                    {
                        if (dilationX != 1) for (var kx = 0; kx < kernelX; kx++) at[kx] = line[(long)kx * dilationX];
                        else if (kernelX <= 4) Vector128.Load(line).Store(at);
                        else for (var kx = 0; kx < kernelX; kx += 8) Vector256.Load(line + kx).Store(at + kx);
                    }
                }
                // The last run's excess lies in the vector's idle lanes or the next row, which is written after this one.
                if (++ox == Shape.OutX) (ox, oy) = (0, oy + 1);
            }
        }

        private readonly void Store(int unit, float* sum)
        {
            var (group, firstChannel) = (unit / Blocks, unit % Blocks * BlockChannels);
            var columns = Math.Min(BlockChannels, GroupChannels - firstChannel) * Taps;
            Panels.Copy(sum, Row, Dw + (long)group * GroupOutputs * GroupChannels * Taps + (long)firstChannel * Taps, (long)GroupChannels * Taps, GroupOutputs, columns);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Add(float* lower, float* upper, long length)
        {
            // Length is a multiple of a vector.
            for (long i = 0; i < length; i += 8) (Vector256.Load(lower + i) + Vector256.Load(upper + i)).Store(lower + i);
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
