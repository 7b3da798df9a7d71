using ILGPU;

namespace DistTrain.Kernels;

/// <summary>ITreeFold on an accelerator.</summary>
public sealed class TreeFoldGpu(GpuDevice device) : ITreeFold
{
    private readonly GpuKernel<Arguments> _moments = new(device, MomentsKernel);

    /// <summary>Left, Right [Count, 3]: triples (count, mean, M2).</summary>
    public readonly record struct Arguments(ArrayView<float> Left, ArrayView<float> Right, int Count);

    public void Sum(View left, View right) => device.Op<IVector>().Add(right, left);

    public void Moments(View left, View right)
    {
        OperandCheck.Shape("treeFold", "right", right, left.Length);
        if (left.Length % 3 != 0) throw new ArgumentException($"left has {left.Length} elements; triples (count, mean, M2) need a multiple of 3.", nameof(left));
        _moments.LaunchLine(left.Length / 3, new(GpuBuffer.Of(left), GpuBuffer.Of(right), left.Length / 3));
    }

    private static void MomentsKernel(Arguments a)
    {
        var i = Grid.GlobalIndex.X;
        if (i < a.Count) Merge(a.Left, 3L * i, a.Right, 3L * i);
    }

    /// <summary>The pairwise rule on the triples at two places; the left one is overwritten.</summary>
    internal static void Merge(ArrayView<float> left, long l, ArrayView<float> right, long r)
    {
        var (leftCount, rightCount) = (left[l], right[r]);
        if (rightCount == 0f) return;
        if (leftCount == 0f)
        {
            left[l] = rightCount;
            left[l + 1] = right[r + 1];
            left[l + 2] = right[r + 2];
            return;
        }
        var count = leftCount + rightCount;
        var difference = right[r + 1] - left[l + 1];
        var share = rightCount / count;
        left[l + 2] = left[l + 2] + right[r + 2] + difference * difference * leftCount * share;
        left[l + 1] = MathF.FusedMultiplyAdd(difference, share, left[l + 1]);
        left[l] = count;
    }
}
