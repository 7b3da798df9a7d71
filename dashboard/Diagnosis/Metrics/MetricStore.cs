using System.Collections.Concurrent;

namespace DistTrain.Diagnosis;

/// <summary>The series of a run by name. Any thread may look up and read; each series has one writer. A bounded number of series, as names come from outside.</summary>
public sealed class MetricStore(int keep = MetricSeries.DefaultKeep, int maxSeries = 1024)
{
    private readonly ConcurrentDictionary<string, MetricSeries> _series = new(StringComparer.Ordinal);

    public IReadOnlyList<string> Names => [.. _series.Keys.Order(StringComparer.Ordinal)];

    /// <summary>The series of that name, made at first use.</summary>
    /// <exception cref="InvalidOperationException">There would be too many.</exception>
    public MetricSeries Of(string name)
    {
        if (_series.TryGetValue(name, out var series)) return series;
        if (_series.Count >= maxSeries) throw new InvalidOperationException($"A run has {maxSeries} metrics already, and \"{name}\" would be one more. Record fewer metrics; put what varies into fewer names.");
        return _series.GetOrAdd(name, n => new MetricSeries(n, keep));
    }

    /// <summary>The series of that name, or null.</summary>
    public MetricSeries? Find(string name) => _series.GetValueOrDefault(name);
}
