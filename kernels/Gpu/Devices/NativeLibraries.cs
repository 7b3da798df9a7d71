using System.Reflection;
using System.Runtime.InteropServices;
using ILGPU;

namespace DistTrain.Kernels;

/// <summary>Finds the driver libraries of ILGPU by the versioned names that containers have: libcuda.so.1 where libcuda.so is missing.</summary>
internal static class NativeLibraries
{
    private static readonly Dictionary<string, string[]> Candidates = new(StringComparer.Ordinal)
    {
        ["cuda"] = ["libcuda.so.1", "/usr/local/nvidia/lib64/libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1"],
        ["OpenCL"] = ["libOpenCL.so.1", "/usr/local/nvidia/lib64/libOpenCL.so.1"],
        ["nvidia-ml"] = ["libnvidia-ml.so.1", "/usr/local/nvidia/lib64/libnvidia-ml.so.1"],
    };

    private static readonly Lazy<bool> Registered = new(Register);

    /// <summary>Must run before the first ILGPU context is made; later calls do nothing.</summary>
    public static void Resolve() => _ = Registered.Value;

    private static bool Register()
    {
        if (!OperatingSystem.IsLinux()) return false;
        try
        {
            NativeLibrary.SetDllImportResolver(typeof(Context).Assembly, Load);
            return true;
        }
        catch (InvalidOperationException)
        {
            // An assembly has one resolver, and the host program has set its own.
            return false;
        }
    }

    private static nint Load(string name, Assembly assembly, DllImportSearchPath? path)
    {
        if (NativeLibrary.TryLoad(name, assembly, path, out var handle)) return handle;
        var stem = name.EndsWith(".so", StringComparison.Ordinal) ? name[..^3] : name;
        foreach (var candidate in Candidates.GetValueOrDefault(stem, []))
            if (NativeLibrary.TryLoad(candidate, out handle)) return handle;
        return 0;   // the runtime's own search and its error follow
    }
}
