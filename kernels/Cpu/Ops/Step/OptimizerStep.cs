namespace DistTrain.Kernels;

/// <summary>An optimizer's element-wise rule: pure arithmetic on one element's weight, gradient and state. Its fields are the step's scalars.</summary>
public interface IOptimizerRule
{
    /// <summary>State vectors per weight that the rule reads and writes, 0 to 3; the others are passed as zero and dropped.</summary>
    static abstract int StateCount { get; }

    void Step<T>(ref T weight, T gradient, ref T state0, ref T state1, ref T state2) where T : unmanaged, ILane<T>;
}

/// <summary>Runs a rule over a stretch of the flat vector: g = gradient · coefficient, then the rule. Weights and state are updated in place.</summary>
public interface IOptimizerStep<TRule> : IOp where TRule : unmanaged, IOptimizerRule
{
    /// <param name="coefficient">The clip coefficient of the whole step; 1 leaves the gradient's bits alone.</param>
    void Run(TRule rule, float coefficient, View weights, View gradient, View state0, View state1, View state2);
}
