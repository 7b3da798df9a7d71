namespace DistTrain.Kernels;

/// <summary>The CPU: native memory, persistent compute threads, one of three bodies for each kernel.</summary>
/// <remarks>An op IX is served by XReference when the instruction set is Scalar, else by XCpu; both take the device in their constructor. Generic ops close over the same type arguments.</remarks>
public sealed class CpuDevice : Device
{
    /// <param name="threads">Compute threads, the caller's included; 0 = all cores.</param>
    /// <param name="instructionSet">null = the widest that runs well here.</param>
    public CpuDevice(int threads = 0, InstructionSet? instructionSet = null)
    {
        Threads = threads > 0 ? threads : Environment.ProcessorCount;
        InstructionSet = instructionSet ?? Widest();
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

    public override void Dispose() { }

    private static InstructionSet Widest() =>
        System.Runtime.Intrinsics.Vector512.IsHardwareAccelerated ? InstructionSet.Vector512 : InstructionSet.Vector256;
}
