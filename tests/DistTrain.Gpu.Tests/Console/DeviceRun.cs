using System.Diagnostics;
using System.Globalization;
using DistTrain.Kernels;

namespace DistTrain.Gpu.Tests;

/// <summary>
/// Everything to be known about a device in one call: <c>dotnet DistTrain.Gpu.Tests.dll [gpu:0] [seconds]</c> runs every op against
/// the CPU's plain loops and then times products, convolutions and memory. Exit code 0: all within tolerance.
/// </summary>
internal static class DeviceRun
{
    // Of the largest result; the bits are expected to agree, which is counted apart.
    private const double Tolerance = 1e-5;

    public static int Main(string[] arguments)
    {
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        var name = arguments.Length > 0 ? arguments[0] : "auto";
        var seconds = arguments.Length > 1 ? double.Parse(arguments[1], CultureInfo.InvariantCulture) : 0.5;
        Console.WriteLine($"present: {string.Join(", ", GpuDevice.Present().DefaultIfEmpty("no accelerator"))}");
        GpuDevice device;
        try
        {
            device = GpuDevice.Open(name);
        }
        catch (Exception error) when (error is InvalidOperationException or ArgumentException or NotSupportedException)
        {
            Console.Error.WriteLine(error.Message);
            return 2;
        }
        using (device)
        {
            Console.WriteLine($"device: {device.Name} = {device.Description}, {device.Multiprocessors} multiprocessors");
            Console.WriteLine($"determinism class: {device.DeterminismClass}");
            var failures = Correctness(device);
            if (name != "ilgpu-cpu")
            {
                foreach (var line in Timings.All(device, seconds)) Console.WriteLine(line);
                Console.WriteLine($"device memory reserved: {device.ReservedBytes >> 20} MiB");
            }
            return failures == 0 ? 0 : 1;
        }
    }

    private static int Correctness(GpuDevice device)
    {
        using var reference = new CpuDevice(1, InstructionSet.Scalar);
        var (same, close, failures, clock) = (0, 0, 0, Stopwatch.StartNew());
        foreach (var one in OpCases.All(device.Name == "ilgpu-cpu" ? 8 : 40))
        {
            string? difference;
            double worst;
            try
            {
                difference = OpCase.Difference(one.Run(reference), one.Run(device), out worst);
            }
            catch (Exception error)
            {
                (difference, worst) = ($"{error.GetType().Name}: {error.Message}", double.PositiveInfinity);
            }
            if (difference is null) same++;
            else if (worst <= Tolerance) close++;
            else failures++;
            if (difference is not null) Console.WriteLine($"  {(worst <= Tolerance ? "close" : "FAILED")}: {one.Name}: {difference}");
        }
        Console.WriteLine($"ops: {same} cases with the reference's bits, {close} within {Tolerance:E0}, {failures} failed, {clock.Elapsed.TotalSeconds:F1} s with compilation");
        return failures;
    }
}
