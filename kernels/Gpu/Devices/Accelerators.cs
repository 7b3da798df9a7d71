using System.Globalization;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;
using AcceleratorDevice = ILGPU.Runtime.Device;

namespace DistTrain.Kernels;

/// <summary>Names accelerators and opens them. Each device has its own ILGPU context.</summary>
internal static class Accelerators
{
    public const int GpuGroupSize = 256;

    private const string SimulatorName = "ilgpu-cpu";

    public static GpuDevice Open(string name)
    {
        if (name == SimulatorName) return Simulator(16);
        var wanted = name == "auto" ? name : Canonical(name);
        var context = MakeContext(builder => builder.Cuda().OpenCL());
        try
        {
            var found = Find(context);
            if (name == "auto")
                return found.Count > 0
                    ? Start(found[0].Name, context, found[0].Device)
                    : throw new InvalidOperationException($"device is \"auto\" and no accelerator is here. {Listing(found)}");
            foreach (var (present, device) in found)
                if (present == wanted) return Start(present, context, device);
            throw new InvalidOperationException($"device is \"{name}\" and is not here. {Listing(found)}");
        }
        catch
        {
            context.Dispose();
            throw;
        }
    }

    public static IReadOnlyList<string> Present()
    {
        using var context = MakeContext(builder => builder.Cuda().OpenCL());
        return [.. Find(context).Select(found => found.Name)];
    }

    public static GpuDevice Simulator(int groupSize)
    {
        // A warp of the simulator is a power of two; groups are warps x warps.
        var warp = groupSize switch
        {
            16 => 4,
            64 => 8,
            256 => 16,
            _ => throw new ArgumentOutOfRangeException(nameof(groupSize), $"the simulator's group size is {groupSize}; it must be 16, 64 or 256."),
        };
        var context = MakeContext(builder => builder.CPU(new CPUDevice(warp, warp, 1)));
        return new(SimulatorName, context, context.CreateCPUAccelerator(0), groupSize);
    }

    /// <summary>A context with this project's arithmetic and optimization level; compiles PTX too where no accelerator is present.</summary>
    public static Context MakeContext(Action<Context.Builder> devices, OptimizationLevel level = OptimizationLevel.O2)
    {
        NativeLibraries.Resolve();
        return Context.Create(builder =>
        {
            builder.Optimize(level).WithExactMath();
            devices(builder);
        });
    }

    private static List<(string Name, AcceleratorDevice Device)> Find(Context context)
    {
        var found = new List<(string, AcceleratorDevice)>();
        foreach (var device in context.GetCudaDevices()) found.Add((string.Create(CultureInfo.InvariantCulture, $"gpu:{found.Count}"), device));
        var cuda = found.Count;
        // A card with both drivers is listed under both names; a CPU's OpenCL driver is no accelerator.
        foreach (var device in context.GetCLDevices())
            if (device.DeviceType == CLDeviceType.CL_DEVICE_TYPE_GPU) found.Add((string.Create(CultureInfo.InvariantCulture, $"opencl:{found.Count - cuda}"), device));
        return found;
    }

    private static GpuDevice Start(string name, Context context, AcceleratorDevice device)
    {
        if (device.MaxNumThreadsPerGroup < GpuGroupSize)
            throw new NotSupportedException($"{name} ({device.Name}) runs groups of at most {device.MaxNumThreadsPerGroup} threads; {GpuGroupSize} are needed. Use device cpu.");
        return new(name, context, device.CreateAccelerator(context), GpuGroupSize);
    }

    // "gpu" is short for gpu:0, "opencl" for opencl:0.
    private static string Canonical(string name)
    {
        var parts = name.Split(':');
        var index = 0;
        if (parts is not (["gpu" or "opencl"] or ["gpu" or "opencl", _]) || (parts.Length == 2 && !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out index)))
            throw new ArgumentException($"device is \"{name}\"; it must be gpu:N (CUDA), opencl:N, {SimulatorName} or auto.", nameof(name));
        return string.Create(CultureInfo.InvariantCulture, $"{parts[0]}:{index}");
    }

    private static string Listing(List<(string Name, AcceleratorDevice Device)> found) => found.Count == 0
        ? $"No CUDA or OpenCL device was found: check the driver (libcuda.so.1, libOpenCL.so.1), or use device cpu; {SimulatorName} is a slow simulator for tests."
        : $"Present: {string.Join(", ", found.Select(device => $"{device.Name} ({device.Device.Name})"))}, and {SimulatorName}, a slow simulator for tests.";
}
