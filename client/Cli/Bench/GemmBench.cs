using System.Diagnostics;
using System.Text.Json.Nodes;
using DistTrain.Kernels;

namespace DistTrain.Cli;

/// <summary>The matrix product N x N x N: best time of many, against the machine's own ceilings measured in the same run.</summary>
internal static class GemmBench
{
    public static JsonObject Run(int n, int threads, double seconds, CancellationToken cancellation)
    {
        using var device = new CpuDevice(threads);
        using DeviceBuffer a = device.Allocate(n * n), b = device.Allocate(n * n), c = device.Allocate(n * n);
        var values = new float[n * n];
        var random = new RandomStream(0, 0);
        for (var i = 0; i < values.Length; i++) values[i] = random.NextUniform(-0.5f, 0.5f);
        a.Write(0, values);
        b.Write(0, values);
        var product = device.Op<IMatMul>();
        var shape = new MatMulShape(n, n, n);
        for (var i = 0; i < 3; i++) product.Multiply(shape, a.View, b.View, c.View);
        var (best, clock, runs) = (double.MaxValue, Stopwatch.StartNew(), 0);
        do
        {
            var start = Stopwatch.GetTimestamp();
            product.Multiply(shape, a.View, b.View, c.View);
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
            runs++;
            cancellation.ThrowIfCancellationRequested();
        }
        while (clock.Elapsed.TotalSeconds < seconds);
        var gflops = 2.0 * n * n * n / best / 1e9;
        var peak = MachinePeak.FmaGflops(threads);
        return new JsonObject { ["peer"] = $"disttrain {VersionVerb.Number}", ["gemm"] = n, ["threads"] = threads, ["instructionSet"] = device.InstructionSet.ToString().ToLowerInvariant(), ["runs"] = runs, ["gflops"] = Math.Round(gflops, 1), ["peak_gflops"] = Math.Round(peak, 1), ["share_of_peak"] = Math.Round(gflops / peak, 3), ["copy_gb_per_s"] = Math.Round(MachinePeak.CopyGigabytesPerSecond(threads), 1) };
    }
}
