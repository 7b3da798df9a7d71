namespace DistTrain.Diagnosis;

/// <summary>What one loss series shows: where it began, where its low point was, where it is, which way it goes. Needs one finite value at least.</summary>
public sealed class SeriesReading
{
    private const int OverviewPoints = 240;
    private readonly double[] _smoothSteps;
    private readonly double[] _smooth;

    /// <param name="curve">Finite values.</param>
    /// <param name="from">First step of the window in which the trend is asked for.</param>
    /// <param name="to">Its last step.</param>
    internal SeriesReading(Curve curve, long from, long to)
    {
        Curve = curve;
        Window = curve.Between(from, to);
        var (x, y) = Statistics.Thin(curve.Steps, curve.Values, OverviewPoints);
        var width = Math.Min(y.Length, y.Length < 30 ? 3 : 5) is var w && w % 2 == 0 ? w - 1 : w;
        _smooth = Statistics.RunningMedian(y, width);
        _smoothSteps = x[(width / 2)..(width / 2 + _smooth.Length)];
        AlwaysPositive = true;
        foreach (var value in curve.Values) AlwaysPositive &= value > 0;
        Level = Statistics.Median(Window.Count > 0 ? Tail(Window.Values) : Tail(curve.Values));
        var lowest = Array.IndexOf(_smooth, _smooth.Min());
        // Of a single low evaluation among few, the median of three would lose the low point: the level itself is one too.
        (Lowest, LowestStep) = Level < _smooth[lowest] ? (Level, curve.Steps[^1]) : (_smooth[lowest], _smoothSteps[lowest]);
        var firstFew = Statistics.Median(y.AsSpan(0, Math.Min(3, y.Length)));
        Start = firstFew;
        Range = Math.Max(Math.Max(_smooth.Max(), Start) - Lowest, 0);
        Trend = ReadTrend();
        // Without much noise the very first evaluation is the best word on where the loss began.
        if (y.Length > 0 && Trend.Noise < 0.1 * Math.Max(Math.Abs(Level), Range)) Start = Math.Max(curve.Values[0], firstFew);
        Range = Math.Max(Range, Start - Lowest);
    }

    public Curve Curve { get; }

    public Curve Window { get; }

    /// <summary>Every value is above 0, so that ratios mean something.</summary>
    public bool AlwaysPositive { get; }

    /// <summary>Where the loss began.</summary>
    public double Start { get; }

    /// <summary>Median of the last part of the window.</summary>
    public double Level { get; }

    /// <summary>Low point of the running median.</summary>
    public double Lowest { get; }

    public double LowestStep { get; }

    /// <summary>Highest less lowest point of the running median.</summary>
    public double Range { get; }

    public Trend Trend { get; }

    /// <summary>What counts as 100 %: the level of a loss that cannot be negative, else the range.</summary>
    public double Scale => AlwaysPositive ? Math.Abs(Level) : Math.Max(Range, Trend.Noise);

    /// <summary>Share of the way from the start to 0 that the loss has gone; of a loss that can be negative, NaN: its floor is not known.</summary>
    public double FallenShare => AlwaysPositive && Start > 0 ? (Start - Level) / Start : double.NaN;

    /// <summary>Standard deviation of the running median around the loss.</summary>
    public double SmoothedNoise => Trend.Noise * (_smooth.Length < 26 ? 0.67 : 0.54);

    /// <summary>Running median at the last evaluation up to a step.</summary>
    public double At(double step)
    {
        var value = _smooth[0];
        for (var i = 0; i < _smooth.Length && _smoothSteps[i] <= step; i++) value = _smooth[i];
        return value;
    }

    /// <summary>The first step from which on the running median stays within <paramref name="band"/> of the level.</summary>
    public double SettledSince(double band)
    {
        var at = _smooth.Length;
        while (at > 0 && Math.Abs(_smooth[at - 1] - Level) <= band) at--;
        return at < _smooth.Length ? _smoothSteps[at] : Curve.Steps[^1];
    }

    /// <summary>Highest and lowest of the running median between two steps; NaN where none lies between.</summary>
    public (double Low, double High) Between(double from, double to)
    {
        var (low, high) = (double.NaN, double.NaN);
        for (var i = 0; i < _smooth.Length; i++)
            if (_smoothSteps[i] >= from && _smoothSteps[i] <= to)
                (low, high) = (double.IsNaN(low) ? _smooth[i] : Math.Min(low, _smooth[i]), double.IsNaN(high) ? _smooth[i] : Math.Max(high, _smooth[i]));
        return (low, high);
    }

    /// <summary>
    /// Change over the window below which a loss is flat: a hundredth of the geometric mean of level and range, within 0.5 % and 2 % of the level
    /// (a high loss still falls slowly, a low one has arrived), and a millionth of the range at least.
    /// </summary>
    public double Matters => AlwaysPositive
        ? Math.Max(Math.Clamp(0.01 * Math.Sqrt(Math.Abs(Level) * Range), 0.005 * Math.Abs(Level), 0.02 * Math.Abs(Level)), 1e-6 * Range)
        : 0.01 * Range;

    private Trend ReadTrend()
    {
        var whole = TrendFit.Of(Window.Steps, Window.Values, Matters);
        if (whole.Direction is not Direction.Flat || Window.Count < 24) return whole;
        // A turn late in the window leaves its median slope at rest: look at the last quarter alone, more strictly as it is a second look.
        var late = Window.Count - Math.Max(6, Window.Count / 4);
        var turn = TrendFit.Of(Window.Steps[late..], Window.Values[late..], Matters, strictness: 1.35);
        return turn.Direction is Direction.Flat || Math.Abs(turn.Change) < 3 * whole.Noise ? whole : turn;
    }

    private static ReadOnlySpan<double> Tail(ReadOnlySpan<double> values) => values[^Math.Max(1, Math.Min(values.Length, Math.Max(3, values.Length / 3)))..];
}
