namespace DistTrain.Gpu.Tests;

/// <summary>Every case of every op.</summary>
internal static class OpCases
{
    /// <param name="size">Scales the largest shape of each op: 8 for the simulator, more on a real device.</param>
    public static IReadOnlyList<OpCase> All(int size) =>
        [.. DenseCases.All(size), .. ConvolutionCases.All(size), .. ElementwiseCases.All(size), .. SampleCases.All(size), .. StructureCases.All(size)];
}
