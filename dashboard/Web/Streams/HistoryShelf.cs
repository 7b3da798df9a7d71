using System.Collections.Concurrent;
using DistTrain.Contracts;
using DistTrain.Diagnosis;

namespace DistTrain.Dashboard;

/// <summary>
/// The metrics of the jobs that somebody looks at, under a pyramid of buckets (<see cref="MetricSeries"/>): a chart of any length is answered from a
/// few of them. A job is read when it is asked for, from where the last reader stopped; the jobs not asked for longest are let go.
/// </summary>
internal sealed class HistoryShelf(ITrainingCluster cluster)
{
    private const int MostJobs = 32;

    private readonly ConcurrentDictionary<string, JobMetrics> _jobs = new(StringComparer.Ordinal);
    private long _asked;

    public async Task<MetricHistory> ReadAsync(string job, int points, CancellationToken cancellation)
    {
        var metrics = _jobs.GetOrAdd(job, _ => new JobMetrics());
        metrics.Asked = Interlocked.Increment(ref _asked);
        foreach (var old in _jobs.OrderByDescending(j => j.Value.Asked).Skip(MostJobs)) _jobs.TryRemove(old);
        await metrics.Reading.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            var status = await cluster.GetAsync(job, cancellation).ConfigureAwait(false);
            for (var more = JobStates.IsEnd(status.State) || metrics.LastStep < status.Step; more;)
            {
                (var page, more) = await Snapshot.PointsAsync(cluster, status, metrics.After, 50_000, cancellation).ConfigureAwait(false);
                foreach (var point in page) metrics.Add(point);
            }
            return metrics.History(points);
        }
        finally
        {
            metrics.Reading.Release();
        }
    }

    private sealed class JobMetrics
    {
        private readonly MetricStore _store = new();

        public SemaphoreSlim Reading { get; } = new(1);

        public long Asked { get; set; }

        public long After { get; private set; }

        public long LastStep { get; private set; }

        public void Add(MetricPoint point)
        {
            After = point.Sequence;
            if (point.Step < LastStep) return; // told twice: a chart shows the first
            LastStep = point.Step;
            Append("seconds", point.Seconds);
            foreach (var (name, value) in point.Values ?? new Dictionary<string, double>()) Append(name, value);
            if (point.Kind == "evaluation")
            {
                Append("testLoss", point.Loss);
                if (!double.IsNaN(point.Accuracy)) Append("testAccuracy", point.Accuracy);
                return;
            }
            Append("trainLoss", point.Loss);
            if (!double.IsNaN(point.Accuracy)) Append("trainAccuracy", point.Accuracy);
            Append("learningRate", point.LearningRate);
            Append("gradientNorm", point.GradientNorm);
            Append("clippedNorm", point.ClippedNorm);

            void Append(string name, double value) => _store.Of(name).Append(point.Step, value);
        }

        public MetricHistory History(int points)
        {
            var lines = new List<MetricLine>();
            foreach (var name in _store.Names)
            {
                var view = _store.Of(name).Query(0, long.MaxValue, points);
                lines.Add(new MetricLine(name, view.Total, [.. view.Points.Select(b => new MetricSpan(b.FromStep, b.ToStep, b.Last, Finite(b.Min), Finite(b.Max), b.Count, b.NonFinite))]));
            }
            var longest = lines.MaxBy(l => l.Total);
            var text = longest is null ? "0 points" : FormattableString.Invariant(longest.Total == longest.Points.Count ? (FormattableString)$"{longest.Total:N0} points" : $"{longest.Points.Count:N0} of {longest.Total:N0} points, min/max kept");
            return new MetricHistory(lines, After, text);
        }

        private static double Finite(double value) => double.IsFinite(value) ? value : double.NaN;
    }
}
