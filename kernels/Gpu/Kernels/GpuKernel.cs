using System.Reflection;
using ILGPU;
using ILGPU.Runtime;

namespace DistTrain.Kernels;

/// <summary>One kernel of an op. Compiled for the accelerator at its first launch, then kept.</summary>
public abstract class GpuKernel
{
    private protected GpuKernel(GpuDevice device, MethodInfo body)
    {
        (Device, Body) = (device, body);
        device.Register(this);
    }

    /// <summary>The method that every thread of a launch runs.</summary>
    public MethodInfo Body { get; }

    /// <summary>The compiler may plan registers for groups of exactly this many threads.</summary>
    public KernelSpecialization Specialization => new(Device.GroupSize, null);

    protected GpuDevice Device { get; }
}

/// <summary>A kernel whose arguments are one struct: views and numbers, with a legend where the struct is declared.</summary>
/// <remarks>
/// Kernels read global memory element by element (neighbouring threads read neighbouring elements), never as vectors: a view may
/// start at any element, while ILGPU takes views in kernel arguments to be 256-byte aligned.
/// </remarks>
public sealed class GpuKernel<TArguments>(GpuDevice device, Action<TArguments> body) : GpuKernel(device, body.Method) where TArguments : struct
{
    private Action<AcceleratorStream, KernelConfig, TArguments>? _launch;

    /// <summary>A line of groups; every group has the device's group size.</summary>
    public void Launch(long groups, TArguments arguments)
    {
        if (groups <= 0) return;
        if (groups > int.MaxValue) throw new NotSupportedException($"a launch of {groups} groups is asked for; {int.MaxValue} is the most. Use a smaller batch.");
        Device.Bind();
        // Kept in a field: ILGPU's own cache holds it weakly and would compile it again.
        _launch ??= Device.Accelerator.LoadKernel(body, Specialization);
        _launch(Device.Stream, new KernelConfig((int)groups, Device.GroupSize), arguments);
    }

    /// <summary>At least so many threads in one line; the kernel leaves out what lies beyond.</summary>
    public void LaunchLine(long threads, TArguments arguments) => Launch((threads + Device.GroupSize - 1) / Device.GroupSize, arguments);

    /// <summary>A team of sixteen threads for each piece of work; the kernel leaves out what lies beyond.</summary>
    public void LaunchTeams(long teams, TArguments arguments) => LaunchLine(teams * Team.Lanes, arguments);
}
