namespace DistTrain.Diagnosis;

/// <summary>One measured series: values [N] at steps [N], steps never falling. NaN and infinities are values like any other; a missing measurement is no entry.</summary>
public sealed class Curve
{
    private readonly long[] _steps;
    private readonly double[] _values;

    /// <exception cref="ArgumentException">Lengths differ, or a step is below the one before it.</exception>
    public Curve(ReadOnlySpan<long> steps, ReadOnlySpan<double> values)
    {
        if (steps.Length != values.Length) throw new ArgumentException($"A curve has {steps.Length} steps and {values.Length} values. They must be as many.");
        for (var i = 1; i < steps.Length; i++)
            if (steps[i] < steps[i - 1]) throw new ArgumentException($"Step {steps[i]} follows step {steps[i - 1]}. Steps must not fall: sort the points, or cut what a restarted run repeats.");
        (_steps, _values) = (steps.ToArray(), values.ToArray());
    }

    public static Curve Empty { get; } = new([], []);

    public int Count => _steps.Length;

    public ReadOnlySpan<long> Steps => _steps;

    public ReadOnlySpan<double> Values => _values;

    /// <summary>The entries whose value is finite.</summary>
    public Curve Finite()
    {
        if (Array.TrueForAll(_values, double.IsFinite)) return this;
        var steps = new List<long>(Count);
        var values = new List<double>(Count);
        for (var i = 0; i < Count; i++)
            if (double.IsFinite(_values[i]))
            {
                steps.Add(_steps[i]);
                values.Add(_values[i]);
            }
        return new Curve(steps.ToArray(), values.ToArray());
    }

    /// <summary>The entries at steps in [from, to].</summary>
    public Curve Between(long from, long to)
    {
        var start = Lower(from);
        var end = to == long.MaxValue ? Count : Lower(to + 1);
        return new Curve(_steps.AsSpan(start, end - start), _values.AsSpan(start, end - start));
    }

    /// <summary>First entry at a step of at least the given one.</summary>
    private int Lower(long step)
    {
        var (low, high) = (0, Count);
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (_steps[middle] < step) low = middle + 1;
            else high = middle;
        }
        return low;
    }
}
