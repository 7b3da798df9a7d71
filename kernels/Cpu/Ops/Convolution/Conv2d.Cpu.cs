namespace DistTrain.Kernels;

/// <summary>
/// Convolution through the tile kernel without a column matrix. Forward: weights are broadcast; lanes run over the flattened positions
/// of <see cref="Planes"/> (the columns between a line's end and the pitch are computed and dropped) or over samples (<see cref="SampleLanes"/>).
/// </summary>
internal sealed unsafe partial class Conv2dCpu(CpuDevice device) : IConv2d
{
    private bool Wide => device.InstructionSet == InstructionSet.Vector512;

    private int Lanes => Wide ? Tile512.Lanes : Tile256.Lanes;

    public void Forward(in Conv2dShape shape, int samples, View x, View w, View bias, View y, Epilogue epilogue)
    {
        shape.CheckForward(samples, x, w, bias, y);
        if (samples == 0) return;
        if (Winograd.Forward(shape)) ForwardWinograd(shape, samples, x, w, bias, y, epilogue);
        else if (IsDepthwise(shape)) ForwardDepthwise(shape, samples, x, w, bias, y, epilogue);
        else if (SamplesInLanesIsFaster(shape, samples)) ForwardSamplesInLanes(shape, samples, x, w, bias, y, epilogue);
        else ForwardPositionsInLanes(shape, samples, x, w, bias, y, epilogue);
    }

    // Both give the same bits. In vector FMAs a sample: the gap columns and idle lanes of one, the transposes and absent samples of the other.
    private bool SamplesInLanesIsFaster(in Conv2dShape shape, int samples)
    {
        var depth = (double)shape.Channels / shape.Groups * shape.KernelY * shape.KernelX;
        var pitch = shape.OutX + (shape.KernelX - 1) * shape.DilationX / shape.StrideX;
        var positions = ((shape.OutY - 1) * pitch + shape.OutX + Lanes - 1) / Lanes;
        var flat = shape.Outputs * (positions * depth * Lanes / 16 + shape.OutY * (2 + shape.OutX / 4.0)) + (double)shape.InputLength * (shape.StrideX == 1 ? 0.15 : 1);
        var block = (samples + Lanes - 1) / Lanes * (double)Lanes / samples;
        var transposed = block * (shape.OutputLength * depth / 16 + 0.3 * (shape.InputLength + shape.OutputLength));
        return transposed < flat;
    }

    private void ForwardPositionsInLanes(in Conv2dShape shape, int samples, View x, View w, View bias, View y, Epilogue epilogue)
    {
        var planes = new Planes
        {
            SourceHeight = shape.Height, SourceWidth = shape.Width, StepY = shape.StrideY, StepX = shape.StrideX, PadY = shape.PaddingY, PadX = shape.PaddingX,
            PhasesY = Math.Min(shape.StrideY, (shape.KernelY - 1) * shape.DilationY + 1), PhasesX = Math.Min(shape.StrideX, (shape.KernelX - 1) * shape.DilationX + 1),
            Rows = shape.OutY + (shape.KernelY - 1) * shape.DilationY / shape.StrideY, Pitch = shape.OutX + (shape.KernelX - 1) * shape.DilationX / shape.StrideX,
        };
        var depth = shape.Channels / shape.Groups * shape.KernelY * shape.KernelX;
        var tables = (int*)device.SharedScratch(2L * depth);
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
            Target = y.Floats(), Height = shape.OutY, Width = shape.OutX, Depth = depth, AOffsets = tables, BOffsets = tables + depth,
        };
        device.Run(ref job, job.Parts);
    }

    /// <summary>target[row, position] = sum over k of weights[row, k] · planes[BOffsets[k] + position]. Parts are ranges of samples.</summary>
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
        public int Height;
        public int Width;
        public int Depth;
        public int* AOffsets;
        public int* BOffsets;

        public readonly void Run(int part, int thread)
        {
            var positions = (Height - 1) * Planes.Pitch + Width;
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
            var depth = Depth;
            var call = new TileCall { ARow = WeightRow, AOffsets = AOffsets, BOffsets = BOffsets, RunRows = &depth, RunMerges = &noMerges, RunCount = 1, Relu = Relu, CRow = panelRow };
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
                // The columns between a line's end and the pitch are dropped.
                for (var i = 0; i < rows; i++) Panels.Copy(panel + i * panelRow, Planes.Pitch, Target + (targetPlane + row + i) * Height * Width, Width, Height, Width);
            }
        }
    }
}
