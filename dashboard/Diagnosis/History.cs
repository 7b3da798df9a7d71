namespace DistTrain.Diagnosis;

/// <summary>What both losses did before the window, where the window alone would mislead.</summary>
internal static class History
{
    /// <summary>
    /// Over-fitting that has run its course: both losses rest now, and while the test loss stood still or rose, the train loss fell by a good
    /// part of all it fell. Lower learning rates would not undo it.
    /// </summary>
    public static bool Overfitted(Reading reading)
    {
        var (train, test) = (reading.Train!, reading.Test!);
        if (test.Level <= train.Level) return false;
        var rose = test.Level - test.Lowest > Math.Max(5 * test.SmoothedNoise, 0.1 * Math.Max(test.Range, test.AlwaysPositive ? test.Lowest : 0));
        var since = rose ? test.LowestStep : test.SettledSince(Math.Max(3 * test.SmoothedNoise, 0.03 * test.Range));
        // A run that shot up and came back has not learned what it came back by.
        var fell = Math.Min(train.At(since), train.Start + 3 * train.SmoothedNoise) - train.Level;
        return fell > Math.Max(5 * train.SmoothedNoise, (rose ? 0.1 : 0.15) * train.Range) && test.Level - train.Level > Math.Max(0.1 * train.Range, 5 * Math.Max(train.SmoothedNoise, test.SmoothedNoise));
    }

    /// <summary>
    /// Late generalization ("grokking", arXiv:2201.02177): the train loss came to rest low, the test loss stayed high for a while after, and falls now.
    /// The data are not to blame.
    /// </summary>
    public static bool LearnsLate(Reading reading)
    {
        var (train, test) = (reading.Train!, reading.Test!);
        if (!(train.FallenShare > 0.9) || test.Level + 3 * test.SmoothedNoise < train.Level) return false;
        var settled = train.SettledSince(Math.Max(4 * train.SmoothedNoise, 0.03 * train.Range));
        var turn = settled + (reading.Window.ToStep - settled) / 4.0;
        var (low, high) = test.Between(settled, turn);
        // Still high a quarter of the way from the train loss's rest to now: a plateau, not one smooth fall.
        return low >= 0.85 * high - 4 * test.SmoothedNoise && low - test.Level > Math.Max(5 * test.SmoothedNoise, 0.1 * test.Range);
    }
}
