using DistTrain.Kernels;

namespace DistTrain.Gpu.Tests;

/// <summary>IVector on ILGPU against plain arithmetic.</summary>
public sealed class VectorTests
{
    [Fact]
    public void Vector_arithmetic_matches_plain_loops()
    {
        using var device = GpuDevice.Simulator();
        var op = device.Op<IVector>();
        using var x = device.Allocate(37);
        using var y = device.Allocate(37);
        var (xs, ys) = (Enumerable.Range(0, 37).Select(i => i * 0.25f).ToArray(), Enumerable.Range(0, 37).Select(i => 3f - i).ToArray());
        x.Write(0, xs);
        y.Write(0, ys);

        op.Add(x.View, y.View);
        op.AddScaled(2f, x.View, y.View);
        op.Fill(x.View[..5], -1f);
        op.Copy(x.View[..5], y.View[32..]);

        var (gotX, gotY) = (new float[37], new float[37]);
        x.Read(0, gotX);
        y.Read(0, gotY);
        Assert.Equal(xs.Select((v, i) => i < 5 ? -1f : v), gotX);
        Assert.Equal(xs.Zip(ys).Select((p, i) => i >= 32 ? -1f : p.Second + p.First + 2f * p.First), gotY);
    }

    [Fact]
    public void Views_of_unequal_length_are_refused()
    {
        using var device = GpuDevice.Simulator();
        using var x = device.Allocate(3);
        using var y = device.Allocate(4);
        Assert.Contains("x has 3 elements and y 4", Assert.Throws<ArgumentException>(() => device.Op<IVector>().Add(x.View, y.View)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_op_without_a_version_for_the_accelerator_is_named()
    {
        using var device = GpuDevice.Simulator();
        Assert.Contains("op Lstm has no version for ilgpu-cpu", Assert.Throws<NotSupportedException>(device.Op<ILstm>).Message, StringComparison.Ordinal);
    }
}
