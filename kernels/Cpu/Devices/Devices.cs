using System.Globalization;
using System.Reflection;

namespace DistTrain.Kernels;

/// <summary>Opens devices by the names that job specs and commands use.</summary>
/// <remarks>Accelerators live in an assembly of their own, which is empty where their packages were missing when it was built: it is looked for by name, never referenced from here.</remarks>
public static class Devices
{
    private const string Simulator = "ilgpu-cpu";

    private const string AcceleratorType = "DistTrain.Kernels.GpuDevice, DistTrain.Kernels.Gpu";

    private static readonly Lazy<Func<string, Device>?> OpenAccelerator = new(() => Find("Open", [typeof(string)])?.CreateDelegate<Func<string, Device>>());
    private static readonly Lazy<Func<IReadOnlyList<string>>?> Present = new(() => Find("Present", [])?.CreateDelegate<Func<IReadOnlyList<string>>>());

    /// <summary>Whether this build has accelerators at all; whether one is here is another question.</summary>
    public static bool BuiltWithAccelerators => OpenAccelerator.Value is not null;

    /// <summary>The names of the accelerators of this machine, without the simulator.</summary>
    public static IReadOnlyList<string> PresentAccelerators() => Present.Value?.Invoke() ?? [];

    /// <summary>Does the name say an accelerator (or its simulator) rather than the CPU?</summary>
    public static bool IsAccelerator(string name) =>
        name == Simulator || name.Split(':')[0] is "gpu" or "opencl";

    /// <summary>Whether a device of that name is on this machine and in this build.</summary>
    public static bool IsHere(string name) => !IsAccelerator(name) || (name == Simulator ? BuiltWithAccelerators : PresentAccelerators().Contains(name));

    /// <summary>cpu and auto: the CPU. cpu:scalar, cpu:vector256, cpu:vector512: with that body. gpu:N (CUDA), opencl:N, ilgpu-cpu (a slow simulator): an accelerator.</summary>
    /// <param name="threads">Compute threads of a CPU; 0 = all cores.</param>
    /// <exception cref="ArgumentException">The name is none of these.</exception>
    /// <exception cref="InvalidOperationException">The device is not here, or this build has no accelerators; the message says what to do.</exception>
    public static Device Open(string name, int threads = 0)
    {
        if (IsAccelerator(name))
            return (OpenAccelerator.Value ?? throw new InvalidOperationException($"device is \"{name}\" and this build has no accelerators: ILGPU was not in its package sources. Use device cpu, or build where ILGPU restores."))(name);
        return new CpuDevice(threads, name switch
        {
            "cpu" or "auto" => null,
            "cpu:scalar" => InstructionSet.Scalar,
            "cpu:vector256" => InstructionSet.Vector256,
            "cpu:vector512" => InstructionSet.Vector512,
            _ => throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"device is {name}. It must be auto, cpu, cpu:scalar, cpu:vector256, cpu:vector512, gpu:N, opencl:N or ilgpu-cpu."), nameof(name)),
        });
    }

    private static MethodInfo? Find(string method, Type[] parameters)
    {
        try
        {
            return Type.GetType(AcceleratorType)?.GetMethod(method, parameters);
        }
        catch (Exception e) when (e is IOException or BadImageFormatException)
        {
            return null;
        }
    }
}
