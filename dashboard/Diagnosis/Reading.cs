using DistTrain.Contracts;

namespace DistTrain.Diagnosis;

/// <summary>The curves, read once for all rules: the window of steps, both trends, and what the history before the window shows.</summary>
public sealed class Reading
{
    /// <summary>Fewer finite evaluations than this say nothing about a trend.</summary>
    public const int FewestEvaluations = 5;

    /// <summary>Windows that begin after a run's first fall; in those that begin earlier only a rise is looked for.</summary>
    internal const int LateWindows = 3;

    private const int FewestInWindow = 10;
    private const int Windows = 5;

    public Reading(TrainingCurves curves)
    {
        Curves = curves;
        var (train, test) = (curves.TrainLoss.Finite(), curves.TestLoss.Finite());
        var sparser = test.Count > 0 && (test.Count < train.Count || train.Count == 0) ? test : train;
        // The last third of the evaluations, ten at least: recent, and long enough to tell a slope from noise. Then the half, two thirds, five sixths, all.
        Span<long> from = stackalloc long[Windows];
        for (var i = 0; i < from.Length; i++)
        {
            var length = Math.Max(FewestInWindow, (int)((i + 2L) * sparser.Count + 5) / 6);
            from[i] = sparser.Count == 0 ? 0 : sparser.Steps[sparser.Count - Math.Min(sparser.Count, length)];
        }
        var last = Math.Max(train.Count > 0 ? train.Steps[^1] : 0, test.Count > 0 ? test.Steps[^1] : 0);
        if (train.Count > 0) Train = new SeriesReading(train, from, last);
        if (test.Count > 0) Test = new SeriesReading(test, from, last);
        if (Train is not null && Test is not null) Together(Train, Test);
        Window = new StepWindow(Math.Min(Train?.FromStep ?? from[0], Test?.FromStep ?? from[0]), last);
    }

    /// <summary>
    /// Train and test loss mostly move together: what one shows beyond doubt, or both nearly, is believed of the other on less evidence. Without this, noise
    /// that hides the fall of one of two falling losses would read as over-fitting or as suspicious data.
    /// </summary>
    private static void Together(SeriesReading train, SeriesReading test)
    {
        if (Leans(train) is not Direction.Flat and var way && Leans(test) == way)
        {
            if (train.Trend.Direction is Direction.Flat) train.Lean(way);
            if (test.Trend.Direction is Direction.Flat) test.Lean(way);
        }

        Direction Leans(SeriesReading series)
        {
            var other = series == train ? test : train;
            if (series.Trend.Direction is not Direction.Flat) return series.Trend.Direction;
            var sure = other.Trend.Direction is not Direction.Flat;
            if (series.Trend.Strength < (sure ? 0.6 : 0.85) || Math.Abs(series.Trend.Change) <= series.Matters) return Direction.Flat;
            // Moving together is moving by amounts of one order; a far smaller one is chance, or its own verdict.
            if (sure && Math.Abs(series.Trend.Change) / series.Scale < 0.25 * Math.Abs(other.Trend.Change) / other.Scale) return Direction.Flat;
            return series.Trend.Change < 0 ? Direction.Down : Direction.Up;
        }
    }

    public TrainingCurves Curves { get; }

    public StepWindow Window { get; }

    /// <summary>Null without a finite value.</summary>
    public SeriesReading? Train { get; }

    /// <inheritdoc cref="Train"/>
    public SeriesReading? Test { get; }

    /// <summary>The cell of the table; asked for only once there is enough data.</summary>
    public Cell Cell => new(Train!.Trend.Direction, Test!.Trend.Direction);

    /// <summary>How sure both directions are together.</summary>
    public double CellConfidence => Train!.Trend.Confidence(Train.Scale) * Test!.Trend.Confidence(Test.Scale);

    /// <summary>Median of a series in the window; NaN without points there.</summary>
    public double InWindow(Curve curve) => Statistics.Median(curve.Finite().Between(Window.FromStep, Window.ToStep).Values);

    /// <summary>Median of the first tenth of a series, three points at least; NaN of an empty one.</summary>
    public static double Early(Curve curve)
    {
        var finite = curve.Finite();
        return Statistics.Median(finite.Values[..Math.Min(finite.Count, Math.Max(3, finite.Count / 10))]);
    }
}

/// <summary>A cell of the 3 x 3 table of trends.</summary>
public readonly record struct Cell(Direction Train, Direction Test)
{
    public override string ToString() => $"train {Word(Train)}, test {Word(Test)}";

    private static string Word(Direction direction) => direction switch { Direction.Down => "down", Direction.Up => "up", _ => "flat" };
}
