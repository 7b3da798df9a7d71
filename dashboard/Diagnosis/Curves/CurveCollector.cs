using DistTrain.Contracts;

namespace DistTrain.Diagnosis;

/// <summary>
/// Makes the curves that a diagnosis reads from a run's metric points as they come. However long the run, a series of steps is held as at most 1024
/// means of neighbouring steps; evaluations are kept as they are up to as many. Any thread may add and read.
/// </summary>
public sealed class CurveCollector
{
    private readonly Lock _gate = new();
    private readonly MeanCurve _trainLoss = new();
    private readonly MeanCurve _gradientNorm = new();
    private readonly MeanCurve _learningRate = new();
    private readonly MeanCurve _testLoss = new();
    private readonly MeanCurve _accuracy = new();
    private readonly MeanCurve _updateRatio = new();
    private readonly MeanCurve _deadShare = new();
    private readonly MeanCurve _gradientSpread = new();
    private long _lastStep;

    public void Add(MetricPoint point) => Add(point.Kind == "evaluation", point.Step, point.Loss, point.Accuracy, point.LearningRate, point.GradientNorm, point.Values);

    public void Add(bool evaluation, long step, double loss, double accuracy, double learningRate, double gradientNorm, IReadOnlyDictionary<string, double>? values = null)
    {
        lock (_gate)
        {
            if (step < _lastStep) return; // a step told again after a restore
            _lastStep = step;
            (evaluation ? _testLoss : _trainLoss).Add(step, loss);
            if (values is not null) AddLayers(step, values);
            if (evaluation)
            {
                if (!double.IsNaN(accuracy)) _accuracy.Add(step, accuracy);
                return;
            }
            _learningRate.Add(step, learningRate);
            _gradientNorm.Add(step, gradientNorm);
        }
    }

    public TrainingCurves Curves
    {
        get
        {
            lock (_gate)
                return new TrainingCurves { TrainLoss = _trainLoss.ToCurve(), TestLoss = _testLoss.ToCurve(), Accuracy = _accuracy.ToCurve(), LearningRate = _learningRate.ToCurve(), GradientNorm = _gradientNorm.ToCurve(), UpdateRatio = _updateRatio.ToCurve(), DeadUnitShare = _deadShare.ToCurve(), GradientSpread = _gradientSpread.ToCurve() };
        }
    }

    // Layers come in the network's order: the first one's gradient has passed all the others.
    private void AddLayers(long step, IReadOnlyDictionary<string, double> values)
    {
        var (norms, ratios, dead) = (new List<double>(), new List<double>(), new List<double>());
        foreach (var (name, value) in values)
            if (LayerMetric.TryParse(name, out _, out var figure))
                (figure switch { LayerMetric.GradNorm => norms, LayerMetric.UpdateRatio => ratios, LayerMetric.DeadShare => dead, _ => null })?.Add(value);
        if (ratios.Count > 0) _updateRatio.Add(step, Statistics.Median([.. ratios]));
        if (dead.Count > 0) _deadShare.Add(step, dead.Max());
        if (norms.Count > 1 && norms[^1] > 0) _gradientSpread.Add(step, norms[0] / norms[^1]);
    }

    /// <summary>Means over runs of neighbouring values, twice as long each time there are too many. A value that is not finite makes its mean so: it must not be lost.</summary>
    private sealed class MeanCurve
    {
        private const int Most = 1024;
        private readonly List<long> _steps = [];
        private readonly List<double> _means = [];
        private int _length = 1;
        private double _sum;
        private int _count;

        public void Add(long step, double value)
        {
            _sum += value;
            if (++_count < _length) return;
            _steps.Add(step);
            _means.Add(_sum / _count);
            (_sum, _count) = (0, 0);
            if (_means.Count < Most) return;
            for (var i = 0; i < Most / 2; i++) (_steps[i], _means[i]) = (_steps[2 * i + 1], (_means[2 * i] + _means[2 * i + 1]) / 2);
            _steps.RemoveRange(Most / 2, Most / 2);
            _means.RemoveRange(Most / 2, Most / 2);
            _length *= 2;
        }

        public Curve ToCurve() => new([.. _steps], [.. _means]);
    }
}
