using DistTrain.Contracts;

namespace DistTrain.Diagnosis;

/// <summary>Reads the loss curves of a run: nan and diverged before insufficientData before the five rules before their refinements.</summary>
public static class LossDiagnosis
{
    /// <summary>The verdict on the curves as they stand. Pure: the same curves give the same verdict.</summary>
    public static Verdict Of(TrainingCurves curves) => RuleBook.Standard.Judge(new Reading(curves));
}
