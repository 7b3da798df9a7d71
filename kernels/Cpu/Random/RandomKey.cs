using System.Text;

namespace DistTrain.Kernels;

/// <summary>Keys of random draws: every purpose has its own, derived from the job's seed, the step, the layer's path and the use within the step.</summary>
public static class RandomKey
{
    /// <summary>A 64-bit Philox key. Two chained blocks, so that no two purposes share one by arithmetic accident.</summary>
    /// <param name="seed">The job's seed.</param>
    /// <param name="step">The global step; 0 for what happens once, such as initial weights.</param>
    /// <param name="path">The layer's path, as <see cref="HashPath"/> gives it.</param>
    /// <param name="use">Counts uses of one layer within a step (shared layers), from 0.</param>
    public static ulong Of(ulong seed, ulong step, ulong path, uint use = 0)
    {
        var first = Philox.Block(path, use, seed);
        var second = Philox.Block(step, (ulong)first.W3 << 32 | first.W2, (ulong)first.W1 << 32 | first.W0);
        return (ulong)second.W1 << 32 | second.W0;
    }

    /// <summary>FNV-1a, 64 bits, over the path's UTF-8 bytes: the same on every machine and in every version.</summary>
    public static ulong HashPath(string path)
    {
        var hash = 0xCBF29CE484222325UL;
        foreach (var b in Encoding.UTF8.GetBytes(path)) hash = (hash ^ b) * 0x100000001B3UL;
        return hash;
    }
}
