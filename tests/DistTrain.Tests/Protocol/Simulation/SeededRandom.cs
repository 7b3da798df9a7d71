namespace DistTrain.Tests.Simulation;

/// <summary>SplitMix64: everything random of a run follows from its seed.</summary>
internal sealed class SeededRandom(ulong seed)
{
    private ulong _state = seed;

    internal ulong Next()
    {
        _state += 0x9E3779B97F4A7C15;
        return Mix(_state);
    }

    /// <summary>[0, below)</summary>
    internal int Next(int below) => (int)(Next() % (ulong)below);

    /// <summary>[from, to)</summary>
    internal int Next(int from, int to) => from + Next(to - from);

    /// <summary>[0, 1)</summary>
    internal double NextDouble() => (Next() >> 11) * (1.0 / (1UL << 53));

    internal double Between(double from, double to) => from + (to - from) * NextDouble();

    internal bool Chance(double probability) => NextDouble() < probability;

    internal T Pick<T>(IReadOnlyList<T> items) => items[Next(items.Count)];

    internal static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }

    internal static ulong Mix(ulong a, ulong b) => Mix(a + 0x9E3779B97F4A7C15 * (b + 1));
}
