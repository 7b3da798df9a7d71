using DistTrain.Kernels;

namespace DistTrain.Gpu.Tests;

/// <summary>One call of an op that can run on every device; what it writes is compared with the plain loops of the CPU.</summary>
public sealed record OpCase(string Name, Action<Operands> Call)
{
    public float[] Run(Device device)
    {
        using var operands = new Operands(device);
        Call(operands);
        return operands.Results();
    }

    /// <summary>Null when the bits agree; else the first difference and the largest, relative to the largest result.</summary>
    public static string? Difference(float[] expected, float[] got, out double worst)
    {
        worst = 0;
        if (expected.Length != got.Length) return $"{expected.Length} results expected, {got.Length} given";
        var scale = expected.Where(float.IsFinite).Select(Math.Abs).DefaultIfEmpty(0).Max();
        string? first = null;
        var count = 0;
        for (var i = 0; i < expected.Length; i++)
        {
            if (BitConverter.SingleToInt32Bits(expected[i]) == BitConverter.SingleToInt32Bits(got[i]) || (float.IsNaN(expected[i]) && float.IsNaN(got[i]))) continue;
            count++;
            first ??= $"element {i}: expected {expected[i]:R}, got {got[i]:R}";
            var difference = Math.Abs((double)expected[i] - got[i]) / Math.Max(scale, 1e-30f);
            worst = Math.Max(worst, double.IsNaN(difference) ? double.PositiveInfinity : difference);
        }
        return first is null ? null : $"{count} of {expected.Length} differ, at most {worst:E1} of the largest; {first}";
    }
}
