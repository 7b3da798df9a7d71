using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>Bounded bell-shaped draws: no stroke is ever thrown off the picture by a tail.</summary>
internal static class DigitNoise
{
    /// <summary>Around 0 with deviation 1, within +- 3.47: the centred sum of four uniforms.</summary>
    public static float NextBell(this ref RandomStream random)
    {
        var sum = (random.NextWord() >> 10) + (random.NextWord() >> 10) + (random.NextWord() >> 10) + (random.NextWord() >> 10);
        return (sum * (1f / (1 << 22)) - 2f) * 1.7320508f;
    }

    /// <summary>The same from a single word, in coarse steps, within +- 3.45: the centred sum of its four bytes.</summary>
    public static float NextCoarseBell(this ref RandomStream random)
    {
        var word = random.NextWord();
        var sum = (int)((word & 255) + (word >> 8 & 255) + (word >> 16 & 255) + (word >> 24)) - 510;
        return sum * (1f / 147.8f);
    }
}
