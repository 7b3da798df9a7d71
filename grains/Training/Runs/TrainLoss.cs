namespace DistTrain.Training;

/// <summary>Σ lossᵢ·nᵢ / Σ nᵢ over the committed steps of the last epoch that has any.</summary>
public static class TrainLoss
{
    /// <summary>NaN where no step is committed.</summary>
    public static double OfLastEpoch(LossLog log, int stepsPerEpoch)
    {
        var (epoch, loss, samples) = (-1L, 0.0, 0L);
        for (var i = log.Count - 1; i >= 0; i--)
        {
            var record = log[i];
            if (record.Kind == LossRecordKind.Evaluation) continue;
            if (epoch < 0) epoch = record.Step / stepsPerEpoch;
            if (record.Step / stepsPerEpoch != epoch) break;
            (loss, samples) = (loss + record.Loss * record.Samples, samples + record.Samples);
        }
        return samples == 0 ? double.NaN : loss / samples;
    }
}
