namespace DistTrain.Kernels;

/// <summary>
/// Convolution through the tile kernel without a column matrix. Forward and input gradient: weights are broadcast, lanes run over the
/// flattened positions of <see cref="Planes"/> (the columns between a row's end and the pitch are computed and dropped).
/// </summary>
internal sealed unsafe partial class Conv2dCpu(CpuDevice device) : IConv2d
{
    private bool Wide => device.InstructionSet == InstructionSet.Vector512;

    private int Lanes => Wide ? Tile512.Lanes : Tile256.Lanes;

    public void Forward(in Conv2dShape shape, int samples, View x, View w, View bias, View y, Epilogue epilogue)
    {
        shape.CheckForward(samples, x, w, bias, y);
        if (samples == 0) return;
        var planes = new Planes
        {
            SourceHeight = shape.Height, SourceWidth = shape.Width, StepY = shape.StrideY, StepX = shape.StrideX, PadY = shape.PaddingY, PadX = shape.PaddingX,
            PhasesY = Math.Min(shape.StrideY, (shape.KernelY - 1) * shape.DilationY + 1), PhasesX = Math.Min(shape.StrideX, (shape.KernelX - 1) * shape.DilationX + 1),
            Rows = shape.OutY + (shape.KernelY - 1) * shape.DilationY / shape.StrideY, Pitch = shape.OutX + (shape.KernelX - 1) * shape.DilationX / shape.StrideX,
        };
        var depth = shape.Channels / shape.Groups * shape.KernelY * shape.KernelX;
        var tables = (int*)device.SharedScratch(2L * depth + 2);
        var k = 0;
        for (var c = 0; c < shape.Channels / shape.Groups; c++)
            for (var ky = 0; ky < shape.KernelY; ky++)
                for (var kx = 0; kx < shape.KernelX; kx++, k++)
                {
                    tables[k] = k;
                    tables[depth + k] = checked((int)planes.Offset(c, ky * shape.DilationY, kx * shape.DilationX));
                }
        var job = new CorrelationJob
        {
            Device = device, Wide = Wide, Lanes = Lanes, Planes = planes, Samples = samples, Parts = Math.Min(device.Threads, samples), Groups = shape.Groups,
            Source = x.Floats(), SourceChannels = shape.Channels, Weights = w.Floats(), WeightRow = depth, WeightGroup = (long)shape.Outputs / shape.Groups * depth,
            Rows = shape.Outputs / shape.Groups, Bias = bias.Floats(), Relu = epilogue == Epilogue.Relu,
            Target = y.Floats(), TargetHeight = shape.OutY, TargetWidth = shape.OutX, TargetStepY = 1, TargetStepX = 1,
            GridY = shape.OutY, GridX = shape.OutX, PhasesY = 1, PhasesX = 1, Depths = tables + 2 * depth, Tables = tables,
        };
        job.Depths[0] = depth;
        device.Run(ref job, job.Parts);
    }

    public void BackwardInput(in Conv2dShape shape, int samples, View dy, View w, View dx)
    {
        shape.CheckBackwardInput(samples, dy, w, dx);
        if (samples == 0) return;
        // Input row iy = a + s·m - padding of phase a takes taps with ky·dilation = a + s·j from output row m - j.
        var (firstY, endY) = (shape.PaddingY / shape.StrideY, (shape.Height - 1 + shape.PaddingY) / shape.StrideY + 1);
        var (firstX, endX) = (shape.PaddingX / shape.StrideX, (shape.Width - 1 + shape.PaddingX) / shape.StrideX + 1);
        var (reachY, reachX) = ((shape.KernelY - 1) * shape.DilationY / shape.StrideY, (shape.KernelX - 1) * shape.DilationX / shape.StrideX);
        var planes = new Planes
        {
            SourceHeight = shape.OutY, SourceWidth = shape.OutX, StepY = 1, StepX = 1, PadY = reachY - firstY, PadX = reachX - firstX,
            PhasesY = 1, PhasesX = 1, Rows = endY - firstY + reachY, Pitch = endX - firstX + reachX,
        };
        var (groupChannels, groupOutputs, taps) = (shape.Channels / shape.Groups, shape.Outputs / shape.Groups, shape.KernelY * shape.KernelX);
        var phases = shape.StrideY * shape.StrideX;
        var depths = (int*)device.SharedScratch(2L * groupOutputs * taps + phases);
        var tables = depths + phases;
        var next = tables;
        for (var phase = 0; phase < phases; phase++)
        {
            var depth = groupOutputs * TapsOf(phase / shape.StrideX, shape.KernelY, shape.DilationY, shape.StrideY) * TapsOf(phase % shape.StrideX, shape.KernelX, shape.DilationX, shape.StrideX);
            var k = next;
            for (var o = 0; o < groupOutputs; o++)
                for (var ky = 0; ky < shape.KernelY; ky++)
                    for (var kx = 0; kx < shape.KernelX; kx++)
                    {
                        int atY = ky * shape.DilationY, atX = kx * shape.DilationX;
                        if (atY % shape.StrideY != phase / shape.StrideX || atX % shape.StrideX != phase % shape.StrideX) continue;
                        k[0] = (o * groupChannels) * taps + ky * shape.KernelX + kx;
                        k[depth] = checked((int)planes.Offset(o, reachY - atY / shape.StrideY, reachX - atX / shape.StrideX));
                        k++;
                    }
            depths[phase] = depth;
            next += 2L * depth;
        }
        var job = new CorrelationJob
        {
            Device = device, Wide = Wide, Lanes = Lanes, Planes = planes, Samples = samples, Parts = Math.Min(device.Threads, samples), Groups = shape.Groups,
            Source = dy.Floats(), SourceChannels = shape.Outputs, Weights = w.Floats(), WeightRow = taps, WeightGroup = (long)groupOutputs * groupChannels * taps,
            Rows = groupChannels, Target = dx.Floats(), TargetHeight = shape.Height, TargetWidth = shape.Width, TargetStepY = shape.StrideY, TargetStepX = shape.StrideX,
            TargetFirstY = firstY * shape.StrideY - shape.PaddingY, TargetFirstX = firstX * shape.StrideX - shape.PaddingX,
            GridY = endY - firstY, GridX = endX - firstX, PhasesY = shape.StrideY, PhasesX = shape.StrideX, Depths = depths, Tables = tables,
        };
        device.Run(ref job, job.Parts);
    }

    private static int TapsOf(int phase, int kernel, int dilation, int stride)
    {
        var taps = 0;
        for (var k = 0; k < kernel; k++) taps += k * dilation % stride == phase ? 1 : 0;
        return taps;
    }

    /// <summary>target[row, position] = sum over k of weights[row, AOffset(k)] · planes[BOffset(k) + position], for each phase of the target. Parts are ranges of samples.</summary>
    private struct CorrelationJob : IParallelJob
    {
        public CpuDevice Device;
        public bool Wide;
        public int Lanes;
        public Planes Planes;
        public int Samples;
        public int Parts;
        public int Groups;
        public float* Source;
        public int SourceChannels;
        public float* Weights;
        public long WeightRow;
        public long WeightGroup;
        public int Rows;
        public float* Bias;
        public bool Relu;
        public float* Target;
        public int TargetHeight;
        public int TargetWidth;
        public int TargetStepY;
        public int TargetStepX;
        public int TargetFirstY;
        public int TargetFirstX;
        public int GridY;
        public int GridX;
        public int PhasesY;
        public int PhasesX;

        /// <summary>Terms of each phase's chain; Tables holds its A offsets, then its B offsets, phase after phase.</summary>
        public int* Depths;
        public int* Tables;

        public readonly void Run(int part, int thread)
        {
            var positions = (GridY - 1) * Planes.Pitch + GridX;
            var panelRow = (positions + 2L * Lanes - 1) / (2 * Lanes) * (2 * Lanes);
            var maxRows = Wide ? Tile512.MaxRows : Tile256.MaxRows;
            var planesLength = (Planes.Length(SourceChannels) + 15) & ~15L;
            var planes = Device.Scratch(thread, planesLength + maxRows * panelRow);
            var panel = planes + planesLength;
            Planes.Clear(planes, SourceChannels);
            var end = (int)((long)(part + 1) * Samples / Parts);
            for (var n = (int)((long)part * Samples / Parts); n < end; n++)
            {
                Planes.Fill(Source + (long)n * SourceChannels * Planes.SourceHeight * Planes.SourceWidth, SourceChannels, planes);
                for (var group = 0; group < Groups; group++)
                    Correlate(group, planes + (long)group * (SourceChannels / Groups) * Planes.ChannelLength, panel, panelRow, positions, ((long)n * Groups + group) * Rows);
            }
        }

        private readonly void Correlate(int group, float* planes, float* panel, long panelRow, int positions, long targetPlane)
        {
            var maxRows = Wide ? Tile512.MaxRows : Tile256.MaxRows;
            var tiles = (Rows + maxRows - 1) / maxRows;
            var noMerges = 0;
            var table = Tables;
            var call = new TileCall { ARow = WeightRow, RunMerges = &noMerges, RunCount = 1, Relu = Relu, CRow = panelRow };
            for (var phase = 0; phase < PhasesY * PhasesX; phase++)
            {
                call.AOffsets = table;
                call.BOffsets = table + Depths[phase];
                call.RunRows = Depths + phase;
                table += 2L * Depths[phase];
                for (var tile = 0; tile < tiles; tile++)
                {
                    var row = (int)((long)tile * Rows / tiles);
                    var rows = (int)((long)(tile + 1) * Rows / tiles) - row;
                    call.A = Weights + group * WeightGroup + row * WeightRow;
                    if (Bias != null) call.RowBias = Bias + (long)group * Rows + row;
                    for (var position = 0; position < positions; position += 2 * Lanes)
                    {
                        call.B = planes + position;
                        call.C = panel + position;
                        var vectors = positions - position > Lanes ? 2 : 1;
                        if (Wide) Tile512.Run(rows, vectors, &call);
                        else Tile256.Run(rows, vectors, &call);
                    }
                    for (var i = 0; i < rows; i++)
                        StorePlane(panel + i * panelRow, Target + (targetPlane + row + i) * TargetHeight * TargetWidth, phase / PhasesX, phase % PhasesX);
                }
            }
        }

        private readonly void StorePlane(float* panel, float* target, int phaseY, int phaseX)
        {
            if (TargetStepY == 1 && TargetStepX == 1)
            {
                Panels.Copy(panel, Planes.Pitch, target, TargetWidth, GridY, GridX);
                return;
            }
            for (var row = 0; row < GridY; row++)
            {
                var y = TargetFirstY + phaseY + row * TargetStepY;
                if ((uint)y >= (uint)TargetHeight) continue;
                for (var column = 0; column < GridX; column++)
                {
                    var x = TargetFirstX + phaseX + column * TargetStepX;
                    if ((uint)x < (uint)TargetWidth) target[(long)y * TargetWidth + x] = panel[(long)row * Planes.Pitch + column];
                }
            }
        }
    }
}
