namespace DistTrain.Kernels;

/// <summary>
/// Along one axis, the taps k that carry input position i to an output that exists: i + padding - k·dilation = stride·o, 0 &lt;= o &lt; outputs.
/// They are first, first + TapStep, ...; o falls by PositionStep from one to the next. Positions with the same taps are one class.
/// </summary>
internal sealed class AxisTaps
{
    public AxisTaps(int kernel, int stride, int padding, int dilation, int size, int outputs)
    {
        var gcd = Gcd(dilation, stride);
        (TapStep, PositionStep) = (stride / gcd, dilation / gcd);
        (ClassOf, OutputOf) = (new int[size], new int[size]);
        List<(int First, int Count)> classes = [];
        for (var i = 0; i < size; i++)
        {
            var (first, count) = (0, 0);
            for (var k = 0; k < kernel; k++)
            {
                var at = i + padding - k * dilation;
                if (at < 0 || at % stride != 0 || at / stride >= outputs) continue;
                if (count++ == 0) (first, OutputOf[i]) = (k, at / stride);
            }
            ClassOf[i] = classes.IndexOf((first, count));
            if (ClassOf[i] >= 0) continue;
            ClassOf[i] = classes.Count;
            classes.Add((first, count));
        }
        Classes = [.. classes];
    }

    public int TapStep { get; }

    public int PositionStep { get; }

    public (int First, int Count)[] Classes { get; }

    /// <summary>Of each input position.</summary>
    public int[] ClassOf { get; }

    /// <summary>The output position that the first tap of each input position reads; 0 where there is none.</summary>
    public int[] OutputOf { get; }

    private static int Gcd(int a, int b) => b == 0 ? a : Gcd(b, a % b);
}
