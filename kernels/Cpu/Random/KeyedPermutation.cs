using System.Numerics;

namespace DistTrain.Kernels;

/// <summary>
/// A pseudo-random permutation of [0, count) that is computed index by index: sample j of an epoch is Permute(seed, epoch, j, count).
/// Nothing is shuffled, stored or restored, and every worker sees the same order.
/// </summary>
/// <remarks>
/// A Feistel network over the smallest power of two that holds count; a value that falls outside is encrypted again until it
/// falls inside (fewer than two turns on average). Black and Rogaway 2002, doi:10.1007/3-540-45760-7_9.
/// </remarks>
public readonly struct KeyedPermutation
{
    private const int Rounds = 12;

    private readonly ulong _key;
    private readonly ulong _count;
    private readonly int _leftBits;
    private readonly int _rightBits;

    public KeyedPermutation(ulong seed, ulong epoch, long count)
    {
        if (count < 1) throw new ArgumentOutOfRangeException(nameof(count), $"a permutation of {count} elements is asked for; it needs at least one.");
        var block = Philox.Block(epoch, (ulong)count, seed);
        _key = (ulong)block.W1 << 32 | block.W0;
        _count = (ulong)count;
        var bits = Math.Max(2, 64 - BitOperations.LeadingZeroCount(_count - 1));
        _leftBits = bits / 2;
        _rightBits = bits - _leftBits;
    }

    /// <summary>Where index goes; index in [0, count).</summary>
    public long this[long index]
    {
        get
        {
            if ((ulong)index >= _count) throw new ArgumentOutOfRangeException(nameof(index), $"index is {index}; it must be in [0, {_count}).");
            var value = (ulong)index;
            do value = Encrypt(value); while (value >= _count);
            return (long)value;
        }
    }

    /// <summary>One value, in O(1). For many of one epoch keep the permutation and index it.</summary>
    public static long Permute(ulong seed, ulong epoch, long index, long count) => new KeyedPermutation(seed, epoch, count)[index];

    // Rounds alternate which half is masked, so unequal halves keep their widths.
    private ulong Encrypt(ulong value)
    {
        var (left, right) = (value >> _rightBits, value & ((1UL << _rightBits) - 1));
        for (var round = 0UL; round < Rounds; round += 2)
        {
            left ^= Mix(right, round) >> (64 - _leftBits);
            right ^= Mix(left, round + 1) >> (64 - _rightBits);
        }
        return left << _rightBits | right;
    }

    // The finalizer of SplitMix64: Steele, Lea, Flood 2014, doi:10.1145/2660193.2660195.
    private ulong Mix(ulong half, ulong round)
    {
        var z = _key + (half * (Rounds + 1) + round + 1) * 0x9E3779B97F4A7C15UL;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
