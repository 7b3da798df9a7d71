using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;

namespace DistTrain.Kernels;

/// <summary>An ILGPU accelerator as a device. An op IX is served by XGpu. One dedicated thread drives it: ILGPU's accelerators are not thread safe.</summary>
public sealed class GpuDevice : Device
{
    private readonly Context _context;

    private GpuDevice(string name, Context context, Accelerator accelerator)
    {
        (Name, _context, Accelerator) = (name, context, accelerator);
        DeterminismClass = $"{name.Split(':')[0]}/{accelerator.Name}/ilgpu-{typeof(Context).Assembly.GetName().Version}";
    }

    /// <summary>ILGPU's simulator on the CPU: runs the kernels' own C# for tests of their indexing; about 0.5 % of the CPU's speed.</summary>
    public static GpuDevice Simulator()
    {
        var context = Context.Create(builder => builder.CPU(new CPUDevice(4, 4, 1)));
        return new("ilgpu-cpu", context, context.CreateCPUAccelerator(0));
    }

    public override string Name { get; }

    public override string DeterminismClass { get; }

    internal Accelerator Accelerator { get; }

    public override DeviceBuffer Allocate(int length) => new GpuBuffer(this, length);

    protected override object MakeOp(Type op)
    {
        var name = $"{op.Namespace}.{op.Name[1..]}Gpu";
        var type = typeof(GpuDevice).Assembly.GetType(name)
            ?? throw new NotSupportedException($"op {op.Name[1..]} has no version for {Name}: class {name} is missing. Use device cpu for this model.");
        return Activator.CreateInstance(type, this)!;
    }

    public override void Dispose()
    {
        Accelerator.Dispose();
        _context.Dispose();
    }
}
