namespace DistTrain.Diagnosis;

/// <summary>What one loss series shows: where it began, where its low point was, where it is, which way it goes. Needs one finite value at least.</summary>
public sealed class SeriesReading
{
    private const int OverviewPoints = 240;

    // Only noisy losses are read in wide windows, and there the narrow one has to agree: a little less proof is asked of each.
    private const double WideStrictness = 0.9;

    private readonly double[] _smoothSteps;
    private readonly double[] _smooth;

    /// <param name="curve">Finite values.</param>
    /// <param name="from">First steps of the windows in which a trend is asked for, the narrowest first.</param>
    /// <param name="to">Their last step.</param>
    internal SeriesReading(Curve curve, ReadOnlySpan<long> from, long to)
    {
        Curve = curve;
        Window = curve.Between(from[0], to);
        var (x, y) = Statistics.Thin(curve.Steps, curve.Values, OverviewPoints);
        var width = Math.Min(y.Length, y.Length < 30 ? 3 : 5) is var w && w % 2 == 0 ? w - 1 : w;
        _smooth = Statistics.RunningMedian(y, width);
        _smoothSteps = x[(width / 2)..(width / 2 + _smooth.Length)];
        AlwaysPositive = true;
        foreach (var value in curve.Values) AlwaysPositive &= value > 0;
        Level = Statistics.Median(Window.Count > 0 ? Tail(Window.Values) : Tail(curve.Values));
        var lowest = Array.IndexOf(_smooth, _smooth.Min());
        (Lowest, LowestStep) = Level < _smooth[lowest] ? (Level, curve.Steps[^1]) : (_smooth[lowest], _smoothSteps[lowest]);
        var best = 0;
        for (var i = 1; i < curve.Count; i++)
            if (curve.Values[i] < curve.Values[best]) best = i;
        (Best, BestStep) = (curve.Values[best], curve.Steps[best]);
        // By the third evaluation of a fast run much is gone already, and a bad one has shot up.
        Start = curve.Values[0];
        Range = Math.Max(Math.Max(_smooth.Max(), Start) - Lowest, 0);
        SmoothedNoise = (width == 5 ? 0.54 : 0.67) * Scatter(y.AsSpan(y.Length / 2));
        FromStep = from[0];
        Trend = ReadTrend();
        MayHide = Most(Trend);
        for (var i = 1; i < from.Length && Trend.Direction is Direction.Flat; i++) Widen(from[i], to, early: i > Reading.LateWindows - 1);
        if (Trend.Direction is Direction.Flat && Window.Count > 0) Level = Statistics.Median(Window.Values);
    }

    public Curve Curve { get; }

    public Curve Window { get; }

    /// <summary>Every value is above 0, so that ratios mean something.</summary>
    public bool AlwaysPositive { get; }

    /// <summary>Where the loss began.</summary>
    public double Start { get; }

    /// <summary>Median of the window of a flat loss, else of its last third.</summary>
    public double Level { get; private set; }

    /// <summary>Low point of the running median.</summary>
    public double Lowest { get; }

    public double LowestStep { get; }

    /// <summary>The lowest single value: of the test loss, what the best checkpoint is kept by.</summary>
    public double Best { get; }

    public long BestStep { get; }

    /// <summary>Highest less lowest point of the running median.</summary>
    public double Range { get; }

    /// <summary>Over the window from <see cref="FromStep"/>.</summary>
    public Trend Trend { get; private set; }

    /// <summary>First step of the window that the trend was read in: wider where the noise asked for more evaluations.</summary>
    public long FromStep { get; private set; }

    /// <summary>How far a flat loss may have moved all the same: the change of the line and one standard error, in the window that says most.</summary>
    public double MayHide { get; private set; }

    /// <summary>What counts as 100 %: the level of a loss that cannot be negative, else the range.</summary>
    public double Scale => AlwaysPositive ? Math.Abs(Level) : Math.Max(Range, Trend.Noise);

    /// <summary>Share of the way from the start to 0 that the loss has gone; of a loss that can be negative, NaN: its floor is not known.</summary>
    public double FallenShare => AlwaysPositive && Start > 0 ? (Start - Level) / Start : double.NaN;

    /// <summary>Standard deviation of the running median around the loss, from neighbours in the later half: steps and bends do not count.</summary>
    public double SmoothedNoise { get; }

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
        if (whole.Direction is not Direction.Flat) return HasEnded(whole) is { } rest ? rest : whole;
        if (Window.Count < 10) return whole;
        // A turn late in the window leaves its median slope at rest: look at the last quarter alone; as it is a second look, only for a change that dwarfs the noise.
        var late = Window.Count - Math.Max(5, Window.Count / 4);
        var turn = TrendFit.Of(Window.Steps[late..], Window.Values[late..], Matters);
        return turn.Direction is Direction.Flat || Math.Abs(turn.Change) < 6 * Scatter(Window.Values) * Math.Sqrt(Math.Min(1, 5.0 / (Window.Count - late))) ? whole : turn;
    }

    /// <summary>The rest of a loss that moved in the first half of the window and has plainly stood still in the second; null where it still moves, or may.</summary>
    private Trend? HasEnded(in Trend whole)
    {
        // In a longer window the slope's median sees to it; here the first few of a run's evaluations would rule.
        if (Window.Count is < 6 or > 12) return null;
        var half = Window.Count / 2;
        var late = TrendFit.Of(Window.Steps[half..], Window.Values[half..], Matters);
        var still = Math.Max(Matters, 0.05 * Math.Abs(whole.Change));
        return Math.Abs(late.Change) <= still && late.Detectable < 0.3 * Math.Abs(whole.Change) ? late with { Direction = Direction.Flat } : null;
    }

    /// <summary>
    /// Where noise could hide a change, look at more evaluations, on the condition that the narrow window goes the same way, and not much more slowly:
    /// a fall that has ended since does not count. A rise is no left-over of a run's first fall, so less is asked of it, and it is looked for from the first evaluation on.
    /// </summary>
    private void Widen(long from, long to, bool early)
    {
        var wide = Curve.Between(from, to);
        if (wide.Count <= Window.Count || Window.Count < 4 || Trend.Detectable < 0.05 * Scale) return;
        var ratio = (double)(wide.Steps[^1] - wide.Steps[0]) / (Window.Steps[^1] - Window.Steps[0]);
        var trend = TrendFit.Of(wide.Steps, wide.Values, Matters * ratio, WideStrictness);
        if (!early) MayHide = Math.Min(MayHide, Most(trend));
        if (trend.Direction is Direction.Flat || early && trend.Direction is Direction.Down) return;
        if (Trend.Change * ratio / trend.Change < (early ? 0.1 : 0.35)) return;
        (Trend, FromStep) = (trend, from);
    }

    private static double Most(in Trend trend) => Math.Abs(trend.Change) + trend.StandardError;

    /// <summary>Takes the direction of the other loss where this one leans the same way, though on its own it would not be sure.</summary>
    internal void Lean(Direction direction) => Trend = Trend with { Direction = direction, Strength = 1 };

    /// <summary>Standard deviation of noise from second differences; medians, so jumps do not count.</summary>
    private static double Scatter(ReadOnlySpan<double> values)
    {
        if (values.Length < 3) return 0;
        var bends = new double[values.Length - 2];
        for (var i = 0; i < bends.Length; i++) bends[i] = Math.Abs(values[i] - 2 * values[i + 1] + values[i + 2]);
        return Statistics.DeviationsPerMedian * Statistics.Median(bends) / Math.Sqrt(6);
    }

    private static ReadOnlySpan<double> Tail(ReadOnlySpan<double> values) => values[^Math.Max(1, Math.Min(values.Length, Math.Max(3, values.Length / 3)))..];
}
