using System.Globalization;
using System.Text.Json.Nodes;
using DistTrain.Kernels;

namespace DistTrain.Cli;

/// <summary>One op at one shape against the same sums in float64 over the same float32 operands.</summary>
/// <param name="Terms">Terms of the longest sum.</param>
/// <param name="RelativeRms">√(Σ (float32 - float64)² / Σ float64²) over the elements that were looked at.</param>
internal sealed record SumAccuracy(string Op, string Shape, long Terms, double RelativeRms);

/// <summary>Every op that sums, at the shapes of the six peer models, one micro-batch of the whole batch: the longest sums there are.</summary>
internal static class AccuracyBench
{
    /// <summary>What a result may differ by.</summary>
    public const double Limit = 2e-6;

    public static IEnumerable<SumAccuracy> Measure(CpuDevice device, int imageBatch, int textBatch) =>
        new ConvolutionSums(device, imageBatch).All().Concat(new DenseSums(device, imageBatch, textBatch).All()).Concat(new NormSums(device, imageBatch, textBatch).All())
            .Concat(new SequenceSums(device, textBatch).All());

    public static JsonObject Run(int threads)
    {
        using var device = new CpuDevice(threads);
        var rows = Measure(device, 64, 32).ToArray();
        return new JsonObject
        {
            ["peer"] = $"disttrain {VersionVerb.Number}", ["limit"] = Limit, ["worst"] = Rounded(rows.Max(r => r.RelativeRms)), ["within"] = rows.All(r => r.RelativeRms <= Limit),
            ["sums"] = new JsonArray([.. rows.Select(r => new JsonObject { ["op"] = r.Op, ["shape"] = r.Shape, ["terms"] = r.Terms, ["relativeRms"] = Rounded(r.RelativeRms) })]),
        };
    }

    public static void Draw(TextWriter to, JsonObject result)
    {
        to.WriteLine($"{"op",-34}{"shape",-34}{"terms",8}  relative RMS");
        foreach (var row in result["sums"]!.AsArray()) to.WriteLine($"{row!["op"],-34}{row["shape"],-34}{row["terms"],8}  {row["relativeRms"]}");
        to.WriteLine($"worst {result["worst"]}, limit {result["limit"]}");
    }

    private static double Rounded(double value) => double.Parse(value.ToString("E2", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
}

/// <summary>Operands and the comparison; each kind of op adds its float64 loops.</summary>
internal abstract class SumCheck(CpuDevice device)
{
    private const int Looks = 300;

    private ulong _next;

    protected CpuDevice Device { get; } = device;

    public abstract IEnumerable<SumAccuracy> All();

    protected View Normal(int length, float scale = 1)
    {
        var view = Device.Allocate(length).View;
        RandomFill.Normal(view.AsSpan(), RandomKey.Of(17, 0, _next++), 0, scale);
        return view;
    }

    protected View Empty(int length) => Device.Allocate(length).View;

    /// <summary>Compares some hundred elements, spread over the result.</summary>
    protected static SumAccuracy Compare(string op, string shape, long terms, View actual, Func<int, double> exact)
    {
        double difference = 0, size = 0;
        var looks = Math.Min(Looks, actual.Length);
        for (var look = 0; look < looks; look++)
        {
            // A stride that shares no factor with the axes' lengths visits all of them.
            var i = looks == actual.Length ? look : (int)(look * 7919L * ((actual.Length / Looks) | 1) % actual.Length);
            var wanted = exact(i);
            difference += (actual.AsSpan()[i] - wanted) * (actual.AsSpan()[i] - wanted);
            size += wanted * wanted;
        }
        return new SumAccuracy(op, shape, terms, Math.Sqrt(difference / size));
    }
}
