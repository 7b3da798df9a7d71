using ILGPU;
using ILGPU.Runtime;

namespace DistTrain.Kernels;

/// <summary>
/// Sixteen neighbouring threads of a group work as the sixteen lanes of one reduction: lane l takes elements l, l + 16, ...
/// and the lanes fold i with i + 8, 4, 2, 1, as <see cref="LaneFold"/> does on the CPU.
/// </summary>
/// <remarks>All threads of the group must call the folds together; a team without work takes part with zeros.</remarks>
internal static class Team
{
    public const int Lanes = 16;

    // The largest group.
    private const int Threads = 256;

    public static int Lane => Group.IdxX & (Lanes - 1);

    /// <summary>Number of this team in the whole launch.</summary>
    public static int Index => Grid.GlobalIndex.X >> 4;

    public static ArrayView<float> Memory() => SharedMemory.Allocate<float>(Threads);

    public static float Sum(ArrayView<float> shared, float value)
    {
        var thread = Group.IdxX;
        var lane = thread & (Lanes - 1);
        shared[thread] = value;
        Group.Barrier();
        for (var width = Lanes >> 1; width > 0; width >>= 1)
        {
            if (lane < width) shared[thread] = shared[thread] + shared[thread + width];
            Group.Barrier();
        }
        var sum = shared[thread - lane];
        Group.Barrier();
        return sum;
    }

    public static float Max(ArrayView<float> shared, float value)
    {
        var thread = Group.IdxX;
        var lane = thread & (Lanes - 1);
        shared[thread] = value;
        Group.Barrier();
        for (var width = Lanes >> 1; width > 0; width >>= 1)
        {
            if (lane < width && shared[thread + width] > shared[thread]) shared[thread] = shared[thread + width];
            Group.Barrier();
        }
        var max = shared[thread - lane];
        Group.Barrier();
        return max;
    }

    public static double Sum(ArrayView<double> shared, double value)
    {
        var thread = Group.IdxX;
        var lane = thread & (Lanes - 1);
        shared[thread] = value;
        Group.Barrier();
        for (var width = Lanes >> 1; width > 0; width >>= 1)
        {
            if (lane < width) shared[thread] = shared[thread] + shared[thread + width];
            Group.Barrier();
        }
        var sum = shared[thread - lane];
        Group.Barrier();
        return sum;
    }
}
