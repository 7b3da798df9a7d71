namespace DistTrain.Learning;

/// <summary>The random numbers of one sample of a set: Philox 4x32-10 keyed by the seed, counted by (block, sample index, set).</summary>
internal sealed class KeyedRandom
{
    private readonly uint[] _block = new uint[4];
    private uint _keyLow, _keyHigh, _sample, _set, _next;
    private int _left;

    public void Start(ulong seed, uint set, uint sample)
    {
        (_keyLow, _keyHigh, _set, _sample, _next, _left) = ((uint)seed, (uint)(seed >> 32), set, sample, 0, 0);
    }

    /// <summary>Uniform over [0, <paramref name="count"/>), for small counts.</summary>
    public int Below(int count) => (int)((ulong)Next() * (uint)count >> 32);

    /// <summary>Uniform over [low, high), 24 bits.</summary>
    public float Between(float low, float high) => low + (high - low) * ((Next() >> 8) * (1f / (1 << 24)));

    /// <summary>Bell-shaped around 0 with deviation 1, within +- 3.47: the centred sum of four uniforms.</summary>
    public float Bell()
    {
        var sum = (Next() >> 10) + (Next() >> 10) + (Next() >> 10) + (Next() >> 10);
        return (sum * (1f / (1 << 22)) - 2f) * 1.7320508f;
    }

    /// <summary>Bell-shaped with deviation 1 from a single draw: the centred sum of its four bytes.</summary>
    public float SmallBell()
    {
        var draw = Next();
        var sum = (int)((draw & 255) + (draw >> 8 & 255) + (draw >> 16 & 255) + (draw >> 24)) - 510;
        return sum * (1f / 147.8f);
    }

    private uint Next()
    {
        if (_left == 0)
        {
            Philox(_next++, _sample, _set, _keyLow, _keyHigh, _block);
            _left = 4;
        }
        return _block[4 - _left--];
    }

    private static void Philox(uint c0, uint c1, uint c2, uint k0, uint k1, uint[] block)
    {
        var c3 = 0u;
        for (var round = 0; round < 10; round++)
        {
            var (p0, p1) = ((ulong)0xD2511F53 * c0, (ulong)0xCD9E8D57 * c2);
            (c0, c1, c2, c3) = ((uint)(p1 >> 32) ^ c1 ^ k0, (uint)p1, (uint)(p0 >> 32) ^ c3 ^ k1, (uint)p0);
            (k0, k1) = (k0 + 0x9E3779B9, k1 + 0xBB67AE85);
        }
        (block[0], block[1], block[2], block[3]) = (c0, c1, c2, c3);
    }
}
