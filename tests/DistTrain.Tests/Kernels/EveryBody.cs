using DistTrain.Kernels;

namespace DistTrain.Tests.Kernels;

/// <summary>Runs an op's three bodies with one, two and three threads and holds them to the same bits.</summary>
internal static class EveryBody
{
    /// <summary>The result of the reference loops, once every other body and thread count has given the same bits.</summary>
    /// <param name="op">Runs the op on a device and returns all its results.</param>
    public static float[] Run(Func<CpuDevice, float[]> op)
    {
        using var reference = new CpuDevice(1, InstructionSet.Scalar);
        var expected = op(reference);
        foreach (var body in new[] { InstructionSet.Scalar, InstructionSet.Vector256, InstructionSet.Vector512 })
            for (var threads = 1; threads <= 3; threads++)
            {
                using var device = new CpuDevice(threads, body);
                AssertSameBits(expected, op(device), $"{body}, {threads} threads");
            }
        return expected;
    }

    public static void AssertSameBits(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
            if (BitConverter.SingleToInt32Bits(expected[i]) != BitConverter.SingleToInt32Bits(actual[i]) && !(float.IsNaN(expected[i]) && float.IsNaN(actual[i])))
                Assert.Fail($"{what}: element {i} of {expected.Length} is {actual[i]:R}, must be {expected[i]:R}");
    }

    /// <summary>A buffer with this content.</summary>
    public static View View(this CpuDevice device, ReadOnlySpan<float> content)
    {
        var view = device.Allocate(content.Length).View;
        content.CopyTo(view.AsSpan());
        return view;
    }

    /// <summary>A buffer of integers.</summary>
    public static View View(this CpuDevice device, ReadOnlySpan<int> content)
    {
        var view = device.Allocate(content.Length).View;
        content.CopyTo(view.AsInts());
        return view;
    }

    /// <summary>A buffer full of a value that shows what an op did not overwrite.</summary>
    public static View Unset(this CpuDevice device, int length)
    {
        var view = device.Allocate(length).View;
        view.AsSpan().Fill(-12345.678f);
        return view;
    }

    /// <summary>Standard normals of a seed.</summary>
    public static float[] Normal(ulong seed, int length)
    {
        var values = new float[length];
        RandomFill.Normal(values, RandomKey.Of(seed, 0, 0), 0, 1);
        return values;
    }

    public static float[] Join(params View[] views)
    {
        var all = new List<float>();
        foreach (var view in views) all.AddRange(view.AsSpan());
        return [.. all];
    }
}
