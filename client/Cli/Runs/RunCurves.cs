using DistTrain.Diagnosis;

namespace DistTrain.Cli;

/// <summary>The loss curves of a run on this machine, from its metrics.jsonl.</summary>
internal static class RunCurves
{
    /// <exception cref="CommandException">There is no run in the folder.</exception>
    public static TrainingCurves Read(string folder)
    {
        var collector = new CurveCollector();
        foreach (var point in RunPoints.Read(folder)) collector.Add(point.Kind == "evaluation", point.Step, point.Loss, point.Accuracy, point.LearningRate, point.GradientNorm);
        return collector.Curves;
    }
}
