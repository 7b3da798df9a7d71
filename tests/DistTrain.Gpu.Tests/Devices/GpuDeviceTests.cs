using DistTrain.Kernels;

namespace DistTrain.Gpu.Tests;

public sealed class GpuDeviceTests
{
    [Fact]
    public void A_device_that_is_not_here_is_refused_with_what_is_present()
    {
        var present = GpuDevice.Present();
        var error = Assert.Throws<InvalidOperationException>(() => GpuDevice.Open("gpu:97"));
        Assert.Contains("device is \"gpu:97\" and is not here.", error.Message, StringComparison.Ordinal);
        Assert.Contains(present.Count == 0 ? "No CUDA or OpenCL device was found" : $"Present: {present[0]} (", error.Message, StringComparison.Ordinal);
        Assert.Contains("ilgpu-cpu", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gpu:-1")]
    [InlineData("gpu:0:1")]
    [InlineData("cuda")]
    [InlineData("")]
    public void A_name_that_is_no_device_is_refused_with_the_forms(string name)
    {
        var error = Assert.Throws<ArgumentException>(() => GpuDevice.Open(name));
        Assert.Contains("it must be gpu:N (CUDA), opencl:N, ilgpu-cpu or auto", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Auto_takes_the_first_accelerator_or_says_that_there_is_none()
    {
        var present = GpuDevice.Present();
        if (present.Count == 0)
        {
            Assert.Contains("no accelerator is here", Assert.Throws<InvalidOperationException>(() => GpuDevice.Open("auto")).Message, StringComparison.Ordinal);
            return;
        }
        using var device = GpuDevice.Open("auto");
        Assert.Equal(present[0], device.Name);
    }

    [Fact]
    public void The_simulator_opens_by_name_and_has_a_class_of_its_own()
    {
        using var device = GpuDevice.Open("ilgpu-cpu");
        Assert.Equal("ilgpu-cpu", device.Name);
        Assert.StartsWith("ilgpu-cpu/simulator/ilgpu-1.5", device.DeterminismClass, StringComparison.Ordinal);
    }

    [Fact]
    public void Buffers_are_zeroed_when_they_take_the_memory_of_disposed_ones()
    {
        using var device = GpuDevice.Simulator();
        using (var first = device.Allocate(100)) first.Write(0, Enumerable.Repeat(7f, 100).ToArray());
        var reserved = device.ReservedBytes;
        using var second = device.Allocate(90);
        Assert.Equal(reserved, device.ReservedBytes);
        var content = new float[90];
        second.Read(0, content);
        Assert.All(content, value => Assert.Equal(0f, value));
    }

    [Fact]
    public void Neighbouring_free_slices_join()
    {
        using var device = GpuDevice.Simulator();
        device.Allocate(1 << 16).Dispose();
        var reserved = device.ReservedBytes;
        var parts = Enumerable.Range(0, 4).Select(_ => device.Allocate(1 << 14)).ToArray();
        foreach (var part in (int[])[1, 3, 2, 0]) parts[part].Dispose();
        device.Allocate(1 << 16).Dispose();
        Assert.Equal(reserved, device.ReservedBytes);
    }

    [Fact]
    public void Views_of_another_device_are_refused()
    {
        using var device = GpuDevice.Simulator();
        using var cpu = new CpuDevice(1);
        using var here = device.Allocate(4);
        using var there = cpu.Allocate(4);
        var error = Assert.Throws<InvalidOperationException>(() => device.Op<IVector>().Add(there.View, here.View));
        Assert.Contains("the view lies on cpu; this op needs it on the accelerator", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_disposed_buffer_is_refused()
    {
        using var device = GpuDevice.Simulator();
        var buffer = device.Allocate(4);
        buffer.Dispose();
        Assert.Throws<ObjectDisposedException>(() => device.Op<IVector>().Fill(buffer.View, 1f));
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
    public void A_label_outside_its_classes_makes_the_loss_NaN_and_addresses_nothing()
    {
        using var device = GpuDevice.Simulator();
        using var operands = new Operands(device);
        var labels = operands.Put([BitConverter.Int32BitsToSingle(1), BitConverter.Int32BitsToSingle(int.MaxValue)]);
        device.Op<ISoftmaxCrossEntropy>().Forward(Segments.One(2), 1, 2, operands.In(4), labels, 0.5f, 0f, View.None, operands.InOut(operands.Put([0, 0])));
        Assert.True(float.IsNaN(operands.Results()[0]));
    }
}
