namespace DistTrain.Learning;

/// <summary>Learning rate as a pure function of the step, in double, with our own transcendental functions.</summary>
public abstract class Schedule
{
    /// <param name="baseRate">The optimizer's lr option.</param>
    /// <param name="step">0 for the first step.</param>
    /// <param name="totalSteps">Steps of the whole job.</param>
    /// <param name="stepsPerEpoch">Steps of one epoch.</param>
    public abstract double Rate(double baseRate, long step, long totalSteps, long stepsPerEpoch);

    /// <summary>The rate with regard to the evaluations committed before the step.</summary>
    public virtual double Rate(double baseRate, long step, long totalSteps, long stepsPerEpoch, in Progress progress) => Rate(baseRate, step, totalSteps, stepsPerEpoch);

    /// <summary>One more committed evaluation; schedules of the step alone leave it.</summary>
    public virtual Progress Follow(in Progress progress, double testLoss, double testAccuracy) => progress;
}
