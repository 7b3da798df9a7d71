using DistTrain.Kernels;
using DistTrain.Learning;
using DistTrain.Tests.House;

namespace DistTrain.Tests.Learning.Checks;

/// <summary>Golden values in float64, from PyTorch (each file says so; recurrent.json from the script beside it): the cases that have components here.</summary>
public sealed class VectorCheckTests
{
    public static TheoryData<InstructionSet> Bodies() => [InstructionSet.Scalar, InstructionSet.Vector256, InstructionSet.Vector512];

    [Theory, MemberData(nameof(Bodies))]
    public void Every_golden_case_passes(InstructionSet body)
    {
        using var device = new CpuDevice(1, body);
        var results = VectorCheck.Run(Folder, device).ToList();
        Assert.True(results.Count >= 54, $"{results.Count} cases were found in {Folder}; there are at least 54.");
        var wrong = results.Where(r => r.Status != VectorStatus.Pass).Select(r => $"{r.File} {r.Case}: {r.Status}, error {r.Error:g3}, limit {r.Limit:g3} {r.Reason}").ToList();
        Assert.True(wrong.Count == 0, string.Join("\n", wrong));
    }

    private static string Folder => Path.Combine(Repository.Root, "tests", "DistTrain.Tests", "Learning", "Vectors");
}
