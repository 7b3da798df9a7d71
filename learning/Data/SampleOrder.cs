using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>How training samples are drawn.</summary>
public enum Sampling
{
    /// <summary>Without replacement: each once an epoch, in an order of the epoch's own.</summary>
    Permutation,

    /// <summary>With replacement: each place of each step draws from all samples.</summary>
    Replacement,

    /// <summary>One bag drawn with replacement for the whole job, as large as the set; each epoch permutes it.  Breiman 1996, doi:10.1007/BF00058655: members of an ensemble differ in their seeds, and so in their bags.</summary>
    Bootstrap,
}

/// <summary>Which sample of the data set stands at which place of an epoch: a pure function, the same on every worker.</summary>
public readonly struct SampleOrder
{
    private static readonly ulong _bootstrap = RandomKey.HashPath("sampling.bootstrap");
    private static readonly ulong _replacement = RandomKey.HashPath("sampling.replacement");
    private readonly Sampling _sampling;
    private readonly KeyedPermutation _order;
    private readonly ulong _key;
    private readonly int _count;

    /// <param name="count">Samples of the set; an epoch has as many places.</param>
    public SampleOrder(Sampling sampling, ulong seed, long epoch, int count)
    {
        (_sampling, _count) = (sampling, count);
        _order = new KeyedPermutation(seed, (ulong)epoch, count);
        _key = RandomKey.Of(seed, sampling == Sampling.Bootstrap ? 0 : (ulong)epoch, sampling == Sampling.Bootstrap ? _bootstrap : _replacement);
    }

    /// <summary>The sample at a place of the epoch, 0 to count - 1.</summary>
    public int this[long place] => _sampling switch
    {
        Sampling.Replacement => Drawn(place),
        Sampling.Bootstrap => Drawn(_order[place]),
        _ => (int)_order[place],
    };

    private int Drawn(long place) => new RandomStream(_key, (ulong)place).Next(_count);
}
