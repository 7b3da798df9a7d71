using DistTrain.Kernels;

namespace DistTrain.Gpu.Tests;

public sealed class CoverageTests
{
    // Ops that run on CPUs alone so far: a job that needs one on an accelerator is refused with the op's name. An entry leaves when its version arrives.
    private static readonly string[] CpuAlone = ["IAffineSample", "IAttention", "IBinary`1", "IChannelScale", "IChiSquare", "IDot", "IEmbedding", "IGru", "IGruForms", "ILayerNorm", "ILocalResponseNorm", "IMask", "IMaxUnpool2d", "IRegionMax", "IRnn", "IRowLoss`1", "ISemiHardTriplet", "ISoftmax", "ISparseProduct", "IUnitNorm"];

    [Fact]
    public void Every_op_has_a_version_for_accelerators_but_for_those_listed()
    {
        var missing = typeof(IOp).Assembly.GetExportedTypes()
            .Where(type => type.IsInterface && type != typeof(IOp) && typeof(IOp).IsAssignableFrom(type))
            .Where(op => typeof(GpuDevice).Assembly.GetType($"{op.Namespace}.{op.Name[1..].Split('`')[0]}Gpu{(op.IsGenericType ? op.Name[op.Name.IndexOf('`')..] : "")}") is null)
            .Select(op => op.Name);
        Assert.Equal(CpuAlone.Order(StringComparer.Ordinal), missing.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void An_op_without_a_version_for_the_accelerator_is_named()
    {
        using var device = GpuDevice.Simulator();
        var error = Assert.Throws<NotSupportedException>(device.Op<IUnknown>);
        Assert.Contains("op Unknown has no version for ilgpu-cpu", error.Message, StringComparison.Ordinal);
    }

    private interface IUnknown : IOp;
}
