namespace DistTrain.Training;

/// <summary>Where a job stands, as its committed records say.</summary>
/// <param name="Steps">Committed.</param>
/// <param name="TrainLoss">Of the last step; NaN before the first.</param>
/// <param name="TestLoss">Of the last evaluation; NaN before the first.</param>
internal readonly record struct JobProgress(long Steps, double TrainLoss, double TestLoss, double TestAccuracy, double BestTestLoss, long BestTestLossStep)
{
    public static readonly JobProgress None = new(0, double.NaN, double.NaN, double.NaN, double.NaN, 0);

    public JobProgress With(in LossRecord record)
    {
        if (record.Kind != LossRecordKind.Evaluation) return this with { Steps = record.Step + 1, TrainLoss = record.Loss };
        var next = this with { TestLoss = record.Loss, TestAccuracy = record.Samples > 0 ? (double)record.Correct / record.Samples : double.NaN };
        return !(record.Loss >= BestTestLoss) ? next with { BestTestLoss = record.Loss, BestTestLossStep = record.Step } : next;
    }
}
