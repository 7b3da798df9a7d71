using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.Cuda;

namespace DistTrain.Kernels;

/// <summary>An ILGPU accelerator as a device: its memory comes from one arena, its work runs in order on one stream. An op IX is served by XGpu.</summary>
/// <remarks>
/// ILGPU's accelerators are not thread safe, and a CUDA context belongs to a thread: give each device one dedicated thread that
/// allocates, launches, copies and disposes. Another thread may take over between two calls, never during one.
/// A fault inside a kernel is reported by a later call and is final for the process: restart the worker.
/// </remarks>
public sealed class GpuDevice : Device
{
    private const int TablesKept = 256;

    private readonly Context _context;
    private readonly List<GpuKernel> _kernels = [];
    private readonly Arena _arena;
    private readonly Dictionary<Segments, GpuBuffer> _tables = [];
    private GpuBuffer? _scratch;

    internal GpuDevice(string name, Context context, Accelerator accelerator, int groupSize)
    {
        (Name, _context, Accelerator, GroupSize) = (name, context, accelerator, groupSize);
        DeterminismClass = $"{name.Split(':')[0]}/{Architecture(accelerator)}/ilgpu-{typeof(Context).Assembly.GetName().Version}";
        Stream = accelerator.CreateStream();
        _arena = new Arena(accelerator, Stream);
    }

    /// <summary>Opens a device by the name that a job spec gives it: gpu:N, opencl:N, ilgpu-cpu, or auto (the first CUDA device, else the first OpenCL GPU).</summary>
    /// <exception cref="ArgumentException">The name is none of these.</exception>
    /// <exception cref="InvalidOperationException">No such device is here; the message lists those that are.</exception>
    public static GpuDevice Open(string name) => Accelerators.Open(name);

    /// <summary>The names of the accelerators of this machine, best first, without the simulator; empty where there is none.</summary>
    public static IReadOnlyList<string> Present() => Accelerators.Present();

    /// <summary>ILGPU's simulator on the CPU: runs the kernels' own C# for tests of their indexing; about 0.5 % of the CPU's speed.</summary>
    /// <param name="groupSize">Threads of a group, each an operating system thread: 16, 64 to try the large tiles too, 256 as on a GPU (slow).</param>
    public static GpuDevice Simulator(int groupSize = 16) => Accelerators.Simulator(groupSize);

    public override string Name { get; }

    public override string DeterminismClass { get; }

    /// <summary>What the accelerator calls itself, with its memory.</summary>
    public string Description => $"{Accelerator.Name}, {Accelerator.MemorySize >> 20} MiB";

    /// <summary>Threads of a group in every launch: 256, on the simulator fewer.</summary>
    public int GroupSize { get; }

    /// <summary>Groups that run side by side at least: what a launch needs to fill the device.</summary>
    public int Multiprocessors => Accelerator.NumMultiprocessors;

    /// <summary>The kernels of the ops made so far.</summary>
    public IReadOnlyList<GpuKernel> Kernels => _kernels;

    /// <summary>Device memory taken from the driver so far, in bytes.</summary>
    public long ReservedBytes => _arena.ReservedBytes;

    internal Accelerator Accelerator { get; }

    internal AcceleratorStream Stream { get; }

    public override DeviceBuffer Allocate(int length)
    {
        Bind();
        return new GpuBuffer(this, _arena, length);
    }

    /// <summary>Waits until everything launched so far is done; raises what failed.</summary>
    public void Synchronize()
    {
        Bind();
        Stream.Synchronize();
    }

    /// <summary>Makes the accelerator current on the calling thread; nothing to do where it is already.</summary>
    internal void Bind() => Accelerator.Bind();

    /// <summary>Working memory of one op's call: at least so many elements of undefined content, until the next call. Grown and kept.</summary>
    internal ArrayView<float> Scratch(long elements)
    {
        if (elements > int.MaxValue) throw new NotSupportedException($"an op needs {elements} elements of working memory on {Name}; {int.MaxValue} is the most. Use a smaller batch.");
        if (_scratch is null || _scratch.Length < elements)
        {
            _scratch?.Dispose();
            _scratch = (GpuBuffer)Allocate((int)Math.Min(elements + elements / 4, int.MaxValue));
        }
        return GpuBuffer.Of(_scratch.View);
    }

    /// <summary>Small integers that kernels read, put on the device once by their owner.</summary>
    internal GpuBuffer Upload(ReadOnlySpan<int> values)
    {
        var buffer = (GpuBuffer)Allocate(values.Length);
        buffer.Write(0, MemoryMarshal.Cast<int, float>(values));
        return buffer;
    }

    /// <summary>The segments' table on the device. Steps use the same few segmentations again and again.</summary>
    internal SegmentTable Table(Segments segments)
    {
        if (!_tables.TryGetValue(segments, out var table))
        {
            if (_tables.Count >= TablesKept)
            {
                foreach (var old in _tables.Values) old.Dispose();
                _tables.Clear();
            }
            _tables.Add(segments, table = Upload(SegmentTable.Content(segments)));
        }
        return new(GpuBuffer.IntsOf(table.View), segments.Count);
    }

    internal void Register(GpuKernel kernel) => _kernels.Add(kernel);

    protected override object MakeOp(Type op)
    {
        var plain = op.IsGenericType ? op.GetGenericTypeDefinition() : op;
        var tick = plain.Name.IndexOf('`', StringComparison.Ordinal);
        var stem = plain.Name[1..(tick < 0 ? plain.Name.Length : tick)];
        var name = $"{plain.Namespace}.{stem}Gpu{(tick < 0 ? "" : plain.Name[tick..])}";
        var type = typeof(GpuDevice).Assembly.GetType(name)
            ?? throw new NotSupportedException($"op {stem} has no version for {Name}: class {name} is missing. Use device cpu for this model.");
        return Activator.CreateInstance(op.IsGenericType ? type.MakeGenericType(op.GetGenericArguments()) : type, this)!;
    }

    public override void Dispose()
    {
        Bind();
        Stream.Synchronize();
        _arena.Dispose();
        Stream.Dispose();
        Accelerator.Dispose();
        _context.Dispose();
    }

    // Devices of one architecture and driver give the same bits; two cards of one model are one class.
    private static string Architecture(Accelerator accelerator) => accelerator switch
    {
        CudaAccelerator cuda => $"{cuda.Name}/{cuda.Architecture}/driver-{cuda.DriverVersion}",
        CPUAccelerator => "simulator",
        _ => accelerator.Name,
    };
}
