using System.Globalization;
using System.Text.Json.Nodes;
using DistTrain.Kernels;
using DistTrain.Learning;
using DistTrain.Protocol;

namespace DistTrain.Cli;

/// <summary>Every kernel of a model's step beside its floor: the longer of its arithmetic at this machine's FMA peak and its bytes, read or written, at twice its copy bandwidth, both measured in the same run.</summary>
internal static class KernelBench
{
    private const int Repeats = 5;

    public static JsonObject Run(string model, int batch, int threads, int microBatches)
    {
        var (network, data) = StepBench.Build(model, batch);
        using var device = new CpuDevice(threads);
        using var replica = new Replica(network, new CrossEntropy(new()), device, data);
        using DeviceBuffer weights = device.Allocate(network.Layout.Length), gradient = device.Allocate(network.Layout.Length), state = device.Allocate(network.Layout.Length);
        network.Initialize(0, weights.View.AsSpan());
        var parts = microBatches > 0 ? microBatches : MicroBatches.Default(batch, network.HasBatchStatistics);
        var segments = new Segments([.. Enumerable.Range(0, parts + 1).Select(i => (int)((long)i * batch / parts))]);
        var costs = replica.Measure(new Pass(0, 0, batch, segments, [.. Enumerable.Range(0, batch)]), weights.View, gradient.View, Repeats);
        var (peak, bandwidth) = (MachinePeak.FmaGflops(threads), MachinePeak.CopyGigabytesPerSecond(threads));
        var rows = new JsonArray();
        var (total, floors) = (0.0, 0.0);
        foreach (var cost in costs)
        {
            // A copied byte is read once and written once.
            var floor = Math.Max(cost.Flops / peak, cost.Bytes / (2 * bandwidth)) / 1e9;
            (total, floors) = (total + cost.Seconds, floors + floor);
            rows.Add(new JsonObject
            {
                ["layer"] = cost.Name, ["kernel"] = $"{cost.Kind}{(cost.Forward ? "" : " backward")}", ["output"] = cost.Output.ToString(), ["ms"] = Math.Round(1e3 * cost.Seconds, 3), ["floor_ms"] = Math.Round(1e3 * floor, 3),
                ["time_over_floor"] = floor > 0 ? Math.Round(cost.Seconds / floor, 2) : null, ["bound"] = cost.Flops / peak > cost.Bytes / (2 * bandwidth) ? "fma" : "memory", ["gflops"] = Math.Round(cost.Flops / cost.Seconds / 1e9, 1),
            });
        }
        return new JsonObject
        {
            ["peer"] = $"disttrain {VersionVerb.Number}", ["model"] = model, ["batch"] = batch, ["threads"] = threads, ["microBatches"] = parts, ["peak_gflops"] = Math.Round(peak, 1), ["copy_gb_per_s"] = Math.Round(bandwidth, 1),
            ["nodes_ms"] = Math.Round(1e3 * total, 2), ["floors_ms"] = Math.Round(1e3 * floors, 2), ["time_over_floor"] = Math.Round(total / floors, 2), ["kernels"] = rows,
        };
    }

    public static void Draw(TextWriter to, JsonObject result)
    {
        foreach (var (name, value) in result)
            if (value is not JsonArray) to.WriteLine($"{name,-16}{value}");
        to.WriteLine($"{"layer",-30}{"kernel",-28}{"output",-16}{"ms",10}{"floor ms",10}{"ratio",8}{"GFLOP/s",9}  bound");
        foreach (var row in result["kernels"]!.AsArray())
            to.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{row!["layer"],-30}{row["kernel"],-28}{row["output"],-16}{row["ms"],10}{row["floor_ms"],10}{row["time_over_floor"],8}{row["gflops"],9}  {row["bound"]}"));
    }
}
