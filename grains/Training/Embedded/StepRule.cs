using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>The job's schedule and optimizer as the scheduler sees them.</summary>
internal sealed class StepRule(ResolvedJob job) : IStepRule
{
    public double LearningRate(long step) => job.Schedule.Rate(job.LearningRate, step, job.TotalSteps, job.StepsPerEpoch);

    public int Scalars(long update, double learningRate, Span<float> scalars) => job.Optimizer.Scalars(update, learningRate, scalars);
}
