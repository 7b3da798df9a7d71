using DistTrain.Kernels;
using DistTrain.Learning;

namespace DistTrain.Gpu.Tests;

/// <summary>Layers, losses, optimizers and whole short trainings on the simulator against golden values in float64.</summary>
public sealed class GoldenTests
{
    [Fact]
    public void Every_golden_case_passes_on_the_simulator()
    {
        using var device = GpuDevice.Simulator();
        var results = VectorCheck.Run(Folder(), device).ToList();
        Assert.True(results.Count >= 54, $"{results.Count} cases were found; there are at least 54.");
        // What has no version there says so by the op's name; CoverageTests lists those ops.
        Assert.True(results.Count(r => r.Status == VectorStatus.Pass) >= 100, $"{results.Count(r => r.Status == VectorStatus.Pass)} of {results.Count} cases pass.");
        var wrong = results.Where(r => r.Status != VectorStatus.Pass && r.Reason?.Contains("has no version for ilgpu-cpu", StringComparison.Ordinal) != true).Select(r => $"{r.File} {r.Case}: {r.Status}, error {r.Error:g3}, limit {r.Limit:g3} {r.Reason}").ToList();
        Assert.True(wrong.Count == 0, string.Join("\n", wrong));
    }

    private static string Folder()
    {
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
            if (File.Exists(Path.Combine(folder, "DistTrain.sln"))) return Path.Combine(folder, "tests", "DistTrain.Tests", "Learning", "Vectors");
        throw new DirectoryNotFoundException("no folder above the test's assembly holds DistTrain.sln; run the tests from the repository.");
    }
}
