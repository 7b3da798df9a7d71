namespace DistTrain.Learning;

/// <summary>Learning rate as a pure function of the step, in double, with our own transcendental functions.</summary>
public abstract class Schedule
{
    /// <param name="baseRate">The optimizer's lr option.</param>
    /// <param name="step">0 for the first step.</param>
    /// <param name="totalSteps">Steps of the whole job.</param>
    /// <param name="stepsPerEpoch">Steps of one epoch.</param>
    public abstract double Rate(double baseRate, long step, long totalSteps, long stepsPerEpoch);
}
