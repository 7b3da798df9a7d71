using DistTrain.Kernels;
using DistTrain.Learning;

namespace DistTrain.Tests.Learning.Layers;

/// <summary>Layers that move or mix places of a plane keep a table of one plane, or of planes: not of every element of every channel.</summary>
public sealed class TableSizeTests
{
    public static TheoryData<string> Layers() => ["{conv3d: {out: 8, kernel: 3, padding: 1}}", "{adaptiveAveragePool2d: [4, 4]}", "{upsample: {factor: 2, mode: bilinear}}", "{upsample: 2}"];

    [Theory, MemberData(nameof(Layers))]
    public void A_table_does_not_grow_with_the_channels(string spec)
    {
        using var device = new CpuDevice(1);
        var (few, many) = (Allocated(8), Allocated(64));
        Assert.True(many < 1.5 * few + 100_000, $"{spec} takes {few:N0} bytes to record with 8 channels and {many:N0} with 64");

        long Allocated(int channels)
        {
            var layer = (Layer)Catalog.BuiltIn.Read(typeof(Layer), Checks.LayerRow.Json(spec), "spec", [])!;
            var shape = spec.Contains("3d", StringComparison.Ordinal) ? new Shape(channels, 6, 24, 24) : new Shape(channels, 24, 24);
            var before = GC.GetAllocatedBytesForCurrentThread();
            using var probe = new LayerProbe(layer, shape, device);
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }
}
