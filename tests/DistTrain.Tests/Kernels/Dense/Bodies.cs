using DistTrain.Kernels;

namespace DistTrain.Tests.Kernels.Dense;

/// <summary>The devices whose bits must agree: the reference, and both wide bodies on one, two and three threads.</summary>
internal sealed class Bodies : IDisposable
{
    public CpuDevice Reference { get; } = new(1, InstructionSet.Scalar);

    public CpuDevice[] Wide { get; } =
    [
        new(1, InstructionSet.Vector512), new(1, InstructionSet.Vector256), new(2, InstructionSet.Vector512), new(3, InstructionSet.Vector256),
    ];

    /// <summary>Runs the op on every device with equal inputs and compares every output bit for bit with the reference's.</summary>
    /// <param name="call">Given the device and a function that makes a view of so many elements with the inputs' content (seeded by order); outputs are made by the second function.</param>
    public void AssertSameBits(string what, Action<CpuDevice, Func<int, View>, Func<int, View>> call)
    {
        var expected = Outputs(Reference, call);
        foreach (var device in Wide)
        {
            var actual = Outputs(device, call);
            Assert.Equal(expected.Count, actual.Count);
            for (var output = 0; output < expected.Count; output++) AssertBits($"{what}, {device.InstructionSet}, {device.Threads} threads, output {output}", expected[output], actual[output]);
        }
    }

    public static void AssertBits(string what, ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            // A NaN's payload is not promised, that it is one is.
            if (float.IsNaN(expected[i]) && float.IsNaN(actual[i])) continue;
            if (BitConverter.SingleToInt32Bits(expected[i]) != BitConverter.SingleToInt32Bits(actual[i]))
                Assert.Fail($"{what}: element {i} of {expected.Length} is {actual[i]:R}, the reference says {expected[i]:R}.");
        }
    }

    public static float[] Values(int seed, int length)
    {
        var random = new Random(seed);
        var values = new float[length];
        for (var i = 0; i < length; i++) values[i] = (random.NextSingle() * 2 - 1) * (random.Next(16) == 0 ? 100 : 1);
        return values;
    }

    public static View On(CpuDevice device, float[] values)
    {
        var buffer = device.Allocate(values.Length);
        buffer.Write(0, values);
        return buffer.View;
    }

    public void Dispose()
    {
        Reference.Dispose();
        foreach (var device in Wide) device.Dispose();
    }

    private static List<float[]> Outputs(CpuDevice device, Action<CpuDevice, Func<int, View>, Func<int, View>> call)
    {
        var seed = 0;
        List<View> inputs = [], outputs = [];
        call(device, length =>
        {
            inputs.Add(On(device, Values(++seed, length)));
            return inputs[^1];
        }, length =>
        {
            // What was there before must not matter.
            var values = new float[length];
            Array.Fill(values, float.NaN);
            outputs.Add(On(device, values));
            return outputs[^1];
        });
        // An op works on addresses: the buffers must outlive it.
        GC.KeepAlive(inputs);
        return [.. outputs.Select(view => view.AsSpan().ToArray())];
    }
}
