using ILGPU;

namespace DistTrain.Kernels;

/// <summary>IOptimizerStep on an accelerator: the rule's one-lane form, one thread for each weight; weights and state stay on the device.</summary>
public sealed class OptimizerStepGpu<TRule>(GpuDevice device) : IOptimizerStep<TRule> where TRule : unmanaged, IOptimizerRule
{
    private readonly GpuKernel<Arguments> _step = new(device, StepKernel);

    /// <summary>Weights, Gradient and the states that the rule has: [Count].</summary>
    public readonly record struct Arguments(
        TRule Rule, float Coefficient, ArrayView<float> Weights, ArrayView<float> Gradient,
        ArrayView<float> State0, ArrayView<float> State1, ArrayView<float> State2, int Count);

    public void Run(TRule rule, float coefficient, View weights, View gradient, View state0, View state1, View state2)
    {
        OptimizerStepCpu<TRule>.ExpectArguments(weights, gradient, state0, state1, state2);
        _step.LaunchLine(weights.Length, new(rule, coefficient, GpuBuffer.Of(weights), GpuBuffer.Of(gradient),
            GpuBuffer.Of(state0), GpuBuffer.Of(state1), GpuBuffer.Of(state2), weights.Length));
    }

    private static void StepKernel(Arguments a)
    {
        var i = Grid.GlobalIndex.X;
        if (i >= a.Count) return;
        var weight = Lane1.Of(a.Weights[i]);
        var state0 = Lane1.Of(0f);
        var state1 = Lane1.Of(0f);
        var state2 = Lane1.Of(0f);
        if (TRule.StateCount > 0) state0 = Lane1.Of(a.State0[i]);
        if (TRule.StateCount > 1) state1 = Lane1.Of(a.State1[i]);
        if (TRule.StateCount > 2) state2 = Lane1.Of(a.State2[i]);
        a.Rule.Step(ref weight, Lane1.Of(a.Gradient[i] * a.Coefficient), ref state0, ref state1, ref state2);
        a.Weights[i] = weight.Value;
        if (TRule.StateCount > 0) a.State0[i] = state0.Value;
        if (TRule.StateCount > 1) a.State1[i] = state1.Value;
        if (TRule.StateCount > 2) a.State2[i] = state2.Value;
    }
}
