namespace DistTrain.Kernels;

/// <summary>Draws one after another from a key: for generated data and augmentation, where the number of draws depends on the values drawn.</summary>
/// <remarks>Give each sample its own stream number; then samples can be made in any order.</remarks>
public struct RandomStream(ulong key, ulong stream)
{
    private ulong _block;
    private int _used;
    private (uint W0, uint W1, uint W2, uint W3) _words;

    /// <summary>The next 32 random bits.</summary>
    public uint NextWord()
    {
        if (_used == 0) _words = Philox.Block(_block++, stream, key);
        var word = _used switch { 0 => _words.W0, 1 => _words.W1, 2 => _words.W2, _ => _words.W3 };
        _used = (_used + 1) & 3;
        return word;
    }

    /// <summary>Uniform in [0, 1), 24 bits.</summary>
    public float NextUniform() => Philox.Uniform(NextWord());

    /// <summary>Uniform in [low, high).</summary>
    public float NextUniform(float low, float high) => MathF.FusedMultiplyAdd(NextUniform(), high - low, low);

    /// <summary>Standard normal; takes two words.</summary>
    public float NextNormal()
    {
        var u = Lane1.Of(NextWord() >> 8);
        Philox.BoxMuller(u, Lane1.Of(NextWord() >> 8), out var normal, out _);
        return normal.Value;
    }

    /// <summary>Uniform in [0, count), without bias: Lemire 2019, doi:10.1145/3230636.</summary>
    public int Next(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        var product = (ulong)NextWord() * (uint)count;
        if ((uint)product < (uint)count)
            for (var threshold = (uint)-count % (uint)count; (uint)product < threshold;) product = (ulong)NextWord() * (uint)count;
        return (int)(product >> 32);
    }
}
