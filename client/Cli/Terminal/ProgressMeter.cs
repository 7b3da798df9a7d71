using DistTrain.Training;

namespace DistTrain.Cli;

/// <summary>Where a run stands, from its records: share done, speed, loss, time left.</summary>
internal sealed class ProgressMeter(long totalSteps, int stepsPerEpoch)
{
    // Speed over the last few seconds: (seconds, samples) at marks half a second apart.
    private readonly Queue<(double Seconds, long Step, long Samples)> _marks = new();
    private double _lossSum;
    private double _lossWeight;
    private double _seconds;
    private long _samples;

    public long Step { get; private set; }

    public long TotalSteps => totalSteps;

    /// <summary>From 1.</summary>
    public long Epoch => Math.Min((Math.Max(1, Step) - 1) / stepsPerEpoch + 1, (totalSteps + stepsPerEpoch - 1) / stepsPerEpoch);

    public long Epochs => (totalSteps + stepsPerEpoch - 1) / stepsPerEpoch;

    public int Percent => (int)(100 * Step / Math.Max(1, totalSteps));

    /// <summary>Moving average over about 50 steps, debiased.</summary>
    public double Loss => _lossWeight > 0 ? _lossSum / _lossWeight : double.NaN;

    public double SamplesPerSecond { get; private set; }

    public TimeSpan? Left { get; private set; }

    public double TestLoss { get; private set; } = double.NaN;

    public double TestAccuracy { get; private set; } = double.NaN;

    public void Add(in RunRecord record)
    {
        if (record.Kind is RunRecordKind.Evaluation) (TestLoss, TestAccuracy) = (record.Loss, record.Accuracy);
        if (record.Kind is not RunRecordKind.Step) return;
        if (_marks.Count == 0) _marks.Enqueue((record.Seconds, record.Step, 0));
        else _samples += record.Samples;
        (Step, _seconds) = (record.Step, record.Seconds);
        if (double.IsFinite(record.Loss)) (_lossSum, _lossWeight) = (0.98 * _lossSum + 0.02 * record.Loss, 0.98 * _lossWeight + 0.02);
        var last = _marks.Last();
        if (_seconds - last.Seconds < 0.5) return;
        _marks.Enqueue((_seconds, Step, _samples));
        while (_marks.Count > 20) _marks.Dequeue();
        var first = _marks.Peek();
        SamplesPerSecond = (_samples - first.Samples) / (_seconds - first.Seconds);
        Left = TimeSpan.FromSeconds((totalSteps - Step) * (_seconds - first.Seconds) / Math.Max(1, Step - first.Step));
    }
}
