namespace DistTrain.Kernels;

/// <inheritdoc cref="ITreeFold"/>
public sealed unsafe class TreeFoldReference : ITreeFold
{
    public TreeFoldReference(CpuDevice device) => ArgumentNullException.ThrowIfNull(device);

    public void Sum(View left, View right)
    {
        OperandCheck.Shape("treeFold", "right", right, left.Length);
        for (var i = 0; i < left.Length; i++) left.Floats()[i] += right.Floats()[i];
    }

    public void Moments(View left, View right)
    {
        OperandCheck.Shape("treeFold", "right", right, left.Length);
        if (left.Length % 3 != 0) throw new ArgumentException($"left has {left.Length} elements; triples (count, mean, M2) need a multiple of 3.", nameof(left));
        for (var i = 0; i < left.Length; i += 3) Merge(left.Floats() + i, right.Floats() + i);
    }

    // (count, mean, M2) of both sides; the left one is overwritten.
    internal static void Merge(float* left, float* right)
    {
        if (right[0] == 0) return;
        if (left[0] == 0)
        {
            (left[0], left[1], left[2]) = (right[0], right[1], right[2]);
            return;
        }
        var count = left[0] + right[0];
        var difference = right[1] - left[1];
        var share = right[0] / count;
        left[2] = left[2] + right[2] + difference * difference * left[0] * share;
        left[1] = MathF.FusedMultiplyAdd(difference, share, left[1]);
        left[0] = count;
    }
}

/// <inheritdoc cref="ITreeFold"/>
public sealed class TreeFoldCpu(CpuDevice device) : ITreeFold
{
    private readonly VectorCpu _vector = new(device);
    private readonly TreeFoldReference _moments = new(device);

    public void Sum(View left, View right) => _vector.Add(right, left);

    /// <remarks>A few triples per normalized channel: plain loops are fast enough.</remarks>
    public void Moments(View left, View right) => _moments.Moments(left, right);
}
