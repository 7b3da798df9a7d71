using System.Runtime.InteropServices;
using System.Security.Cryptography;
using DistTrain.Learning;

namespace DistTrain.Training;

/// <summary>SHA-256 of flat vectors: the elements of parameter, moments and carried slices in layout order, little-endian; padding and metrics are left out.</summary>
public static class VectorHash
{
    /// <summary>Lower-case hex over the weights.</summary>
    public static string OfWeights(ParameterLayout layout, ReadOnlySpan<float> weights)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append(hash, layout, weights, moments: true);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Lower-case hex over the optimizer's state vectors one after another, parameter slices only.</summary>
    /// <param name="states">StateCount vectors of the layout's length, one after another.</param>
    public static string OfState(ParameterLayout layout, ReadOnlySpan<float> states)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (var start = 0; start < states.Length; start += layout.Length)
            Append(hash, layout, states.Slice(start, layout.Length), moments: false);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>The same of state that lies with its shards: nothing is copied.</summary>
    /// <param name="memories">In the order of their stretches, which cover the vector.</param>
    internal static string OfState(ParameterLayout layout, int stateCount, IReadOnlyList<ShardMemory> memories)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (var state = 0; state < stateCount; state++)
            foreach (var slice in layout.Slices.Where(s => s.Kind == SliceKind.Parameter))
                foreach (var memory in memories)
                {
                    var range = memory.Range;
                    var (first, end) = (Math.Max(slice.Offset, range.Offset), Math.Min(slice.Offset + slice.Length, range.Offset + range.Length));
                    if (first < end) hash.AppendData(MemoryMarshal.AsBytes(memory.States.AsSpan().Slice(state * range.Length + first - range.Offset, end - first)));
                }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static void Append(IncrementalHash hash, ParameterLayout layout, ReadOnlySpan<float> vector, bool moments)
    {
        foreach (var slice in layout.Slices)
            if (slice.Kind == SliceKind.Parameter || (moments && (slice.Kind is SliceKind.Moments or SliceKind.Carried)))
                hash.AppendData(MemoryMarshal.AsBytes(vector.Slice(slice.Offset, slice.Length)));
    }
}
