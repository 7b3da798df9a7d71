using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <inheritdoc cref="IOptimizerStep{TRule}"/>
public sealed unsafe class OptimizerStepReference<TRule> : IOptimizerStep<TRule> where TRule : unmanaged, IOptimizerRule
{
    public OptimizerStepReference(CpuDevice device) => ArgumentNullException.ThrowIfNull(device);

    public void Run(TRule rule, float coefficient, View weights, View gradient, View state0, View state1, View state2)
    {
        OptimizerStepCpu<TRule>.ExpectArguments(weights, gradient, state0, state1, state2);
        for (var i = 0; i < weights.Length; i++)
        {
            var weight = Lane1.Of(weights.Floats()[i]);
            var s0 = Lane1.Of(TRule.StateCount > 0 ? state0.Floats()[i] : 0);
            var s1 = Lane1.Of(TRule.StateCount > 1 ? state1.Floats()[i] : 0);
            var s2 = Lane1.Of(TRule.StateCount > 2 ? state2.Floats()[i] : 0);
            rule.Step(ref weight, Lane1.Of(gradient.Floats()[i] * coefficient), ref s0, ref s1, ref s2);
            weights.Floats()[i] = weight.Value;
            if (TRule.StateCount > 0) state0.Floats()[i] = s0.Value;
            if (TRule.StateCount > 1) state1.Floats()[i] = s1.Value;
            if (TRule.StateCount > 2) state2.Floats()[i] = s2.Value;
        }
    }
}

/// <inheritdoc cref="IOptimizerStep{TRule}"/>
/// <remarks>One pass over memory, whatever the rule. A rule's Step should carry AggressiveInlining, so that its values stay in registers.</remarks>
public sealed unsafe class OptimizerStepCpu<TRule>(CpuDevice device) : IOptimizerStep<TRule> where TRule : unmanaged, IOptimizerRule
{
    public void Run(TRule rule, float coefficient, View weights, View gradient, View state0, View state1, View state2)
    {
        ExpectArguments(weights, gradient, state0, state1, state2);
        var parts = Stretch.Parts(device, 3L * weights.Length);
        if (device.InstructionSet == InstructionSet.Vector512)
        {
            var job = new Job<Lane512>(rule, coefficient, weights.Floats(), gradient.Floats(), state0.Floats(), state1.Floats(), state2.Floats(), weights.Length, parts);
            device.Run(ref job, parts);
        }
        else
        {
            var job = new Job<Lane256>(rule, coefficient, weights.Floats(), gradient.Floats(), state0.Floats(), state1.Floats(), state2.Floats(), weights.Length, parts);
            device.Run(ref job, parts);
        }
    }

    internal static void ExpectArguments(View weights, View gradient, View state0, View state1, View state2)
    {
        OperandCheck.Shape("optimizerStep", "gradient", gradient, weights.Length);
        if (TRule.StateCount > 0) OperandCheck.Shape("optimizerStep", "state0", state0, weights.Length);
        if (TRule.StateCount > 1) OperandCheck.Shape("optimizerStep", "state1", state1, weights.Length);
        if (TRule.StateCount > 2) OperandCheck.Shape("optimizerStep", "state2", state2, weights.Length);
    }

    private readonly struct Job<T>(TRule rule, float coefficient, float* w, float* g, float* s0, float* s1, float* s2, int length, int parts) : IParallelJob
        where T : unmanaged, IWideLane<T>
    {
        public void Run(int part, int thread)
        {
            var (start, end) = Stretch.Elements(part, parts, length);
            Run(rule, coefficient, w + start, g + start, s0 + start, s1 + start, s2 + start, end - start);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static void Run(TRule rule, float coefficient, float* w, float* g, float* s0, float* s1, float* s2, int count)
        {
            var c = T.Of(coefficient);
            var i = 0;
            for (; i + 16 <= count; i += 16)
            {
                var weight = T.Load(w + i);
                var a = TRule.StateCount > 0 ? T.Load(s0 + i) : T.Of(0f);
                var b = TRule.StateCount > 1 ? T.Load(s1 + i) : T.Of(0f);
                var d = TRule.StateCount > 2 ? T.Load(s2 + i) : T.Of(0f);
                rule.Step(ref weight, T.Load(g + i) * c, ref a, ref b, ref d);
                T.Store(w + i, weight);
                if (TRule.StateCount > 0) T.Store(s0 + i, a);
                if (TRule.StateCount > 1) T.Store(s1 + i, b);
                if (TRule.StateCount > 2) T.Store(s2 + i, d);
            }
            if (i < count) Tail(rule, c, w + i, g + i, s0 + i, s1 + i, s2 + i, count - i);
        }

        private static void Tail(TRule rule, T c, float* w, float* g, float* s0, float* s1, float* s2, int count)
        {
            var weight = T.LoadPart(w, count);
            var a = TRule.StateCount > 0 ? T.LoadPart(s0, count) : T.Of(0f);
            var b = TRule.StateCount > 1 ? T.LoadPart(s1, count) : T.Of(0f);
            var d = TRule.StateCount > 2 ? T.LoadPart(s2, count) : T.Of(0f);
            rule.Step(ref weight, T.LoadPart(g, count) * c, ref a, ref b, ref d);
            T.StorePart(w, count, weight);
            if (TRule.StateCount > 0) T.StorePart(s0, count, a);
            if (TRule.StateCount > 1) T.StorePart(s1, count, b);
            if (TRule.StateCount > 2) T.StorePart(s2, count, d);
        }
    }
}
