namespace DistTrain.Diagnosis;

/// <summary>A run of neighbouring points as one: what a chart draws as a band with a line in it.</summary>
/// <param name="FromStep">Step of the first point.</param>
/// <param name="ToStep">Step of the last point.</param>
/// <param name="First">Value of the first point, finite or not.</param>
/// <param name="Last">Value of the last point, finite or not.</param>
/// <param name="Min">Lowest finite value; +infinity where there is none.</param>
/// <param name="Max">Highest finite value; -infinity where there is none.</param>
/// <param name="Count">Points.</param>
/// <param name="NonFinite">Points that are NaN or infinite: kept as markers, never dropped.</param>
/// <param name="FirstNonFiniteStep">Step of the first of them; -1 without any.</param>
public readonly record struct MetricBucket(long FromStep, long ToStep, double First, double Last, double Min, double Max, long Count, long NonFinite, long FirstNonFiniteStep)
{
    public static MetricBucket Of(long step, double value) => double.IsFinite(value)
        ? new MetricBucket(step, step, value, value, value, value, 1, 0, -1)
        : new MetricBucket(step, step, value, value, double.PositiveInfinity, double.NegativeInfinity, 1, 1, step);

    /// <summary>This run and the one right after it.</summary>
    public MetricBucket Then(in MetricBucket next) => new(FromStep, next.ToStep, First, next.Last, Math.Min(Min, next.Min), Math.Max(Max, next.Max), Count + next.Count, NonFinite + next.NonFinite, NonFinite > 0 ? FirstNonFiniteStep : next.FirstNonFiniteStep);
}

/// <summary>What a chart gets of a series.</summary>
/// <param name="Points">In order; at most as many as asked for; together every point of the range.</param>
/// <param name="Total">Points of the series in the range.</param>
public sealed record MetricView(IReadOnlyList<MetricBucket> Points, long Total)
{
    /// <summary>Said beside the chart, so that nobody takes buckets for points.</summary>
    public override string ToString() => Points.Count == Total ? $"{Total} points" : $"{Points.Count} of {Total} points, min/max kept";
}
