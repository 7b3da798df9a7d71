using DistTrain.Cli;
using DistTrain.Kernels;

namespace DistTrain.Tests.Cli.Bench;

public sealed class AccuracyBenchTests
{
    [Fact]
    public void Every_sum_is_within_2e_6_of_float64()
    {
        using var device = new CpuDevice(1);
        var sums = AccuracyBench.Measure(device, imageBatch: 4, textBatch: 2).ToArray();
        Assert.True(sums.Length > 100, $"{sums.Length} sums");
        Assert.All(sums, sum => Assert.True(sum.RelativeRms <= AccuracyBench.Limit, $"{sum}"));
        // float32 arithmetic leaves a trace: a comparison of a result with itself would not.
        Assert.Contains(sums, sum => sum.RelativeRms > 1e-8);
    }
}
