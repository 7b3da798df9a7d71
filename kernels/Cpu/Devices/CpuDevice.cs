namespace DistTrain.Kernels;

/// <summary>The CPU: native memory, persistent compute threads, one of three bodies for each kernel.</summary>
/// <remarks>An op IX is served by XReference when the instruction set is Scalar, else by XCpu; both take the device in their constructor. Generic ops close over the same type arguments.</remarks>
public sealed unsafe class CpuDevice : Device
{
    private readonly ComputeThreads _threads;
    private readonly ScratchMemory[] _scratch;
    private readonly ScratchMemory _shared = new();

    /// <param name="threads">Compute threads, the caller's included; 0 = all cores.</param>
    /// <param name="instructionSet">null = the widest that runs well here.</param>
    public CpuDevice(int threads = 0, InstructionSet? instructionSet = null)
    {
        Threads = threads > 0 ? threads : Environment.ProcessorCount;
        InstructionSet = instructionSet ?? Widest();
        _threads = new ComputeThreads(Threads);
        _scratch = new ScratchMemory[Threads];
        for (var thread = 0; thread < Threads; thread++) _scratch[thread] = new ScratchMemory();
    }

    public override string Name => "cpu";

    public override string DeterminismClass => "cpu";

    public int Threads { get; }

    public InstructionSet InstructionSet { get; }

    public override DeviceBuffer Allocate(int length) => new CpuBuffer(this, length);

    protected override object MakeOp(Type op)
    {
        var plain = op.IsGenericType ? op.GetGenericTypeDefinition() : op;
        var tick = plain.Name.IndexOf('`', StringComparison.Ordinal);
        var stem = plain.Name[1..(tick < 0 ? plain.Name.Length : tick)];
        var name = $"{plain.Namespace}.{stem}{(InstructionSet == InstructionSet.Scalar ? "Reference" : "Cpu")}{(tick < 0 ? "" : plain.Name[tick..])}";
        var type = plain.Assembly.GetType(name)
            ?? throw new NotSupportedException($"op {stem} has no version for {Name} ({InstructionSet}): class {name} is missing.");
        return Activator.CreateInstance(op.IsGenericType ? type.MakeGenericType(op.GetGenericArguments()) : type, this)!;
    }

    /// <summary>Runs the job's parts on the compute threads, parts given to threads by index alone, and returns when all are done. Allocates nothing; runs inline with one thread or one part.</summary>
    /// <exception cref="Exception">What the part of lowest index threw, once all parts have ended.</exception>
    public void Run<TJob>(ref TJob job, int parts) where TJob : struct, IParallelJob => _threads.Run(ref job, parts);

    /// <summary>Working memory of one compute thread inside <see cref="Run"/>: at least so many 64-byte-aligned elements of undefined content, until this thread's next call. Grown once and kept.</summary>
    internal float* Scratch(int thread, long floats) => _scratch[thread].Of(floats);

    /// <summary>Working memory of the thread that drives the device, readable by every part: as <see cref="Scratch"/>.</summary>
    internal float* SharedScratch(long floats) => _shared.Of(floats);

    public override void Dispose()
    {
        _threads.Dispose();
        foreach (var scratch in _scratch) scratch.Dispose();
        _shared.Dispose();
    }

    private static InstructionSet Widest() =>
        System.Runtime.Intrinsics.Vector512.IsHardwareAccelerated ? InstructionSet.Vector512 : InstructionSet.Vector256;
}
