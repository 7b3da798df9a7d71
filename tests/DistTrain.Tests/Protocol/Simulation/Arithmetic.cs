using DistTrain.Protocol;

namespace DistTrain.Tests.Simulation;

/// <summary>A small model whose sums change bits with any change of order: float32 terms of very different exponents, momentum, clipping.</summary>
/// <param name="scenario">What to train.</param>
internal sealed partial class Arithmetic(Scenario scenario)
{
    internal const int Figures = 2;

    private readonly JobPlan _plan = scenario.Plan;

    internal int Elements { get; } = scenario.Elements;

    /// <summary>Gradient elements, then loss and correct predictions.</summary>
    internal int GradientLength => Elements + Figures;

    internal float InitialWeight(int element) => Unit(SeededRandom.Mix(_plan.Seed, (ulong)element + 77));

    /// <summary>One micro-batch: its samples added in order.</summary>
    internal void Leaf(long step, int leaf, ReadOnlySpan<float> weights, Span<float> gradient)
    {
        if (_plan.IsPiped)
        {
            Leaf(step, leaf, 0, _plan.Stages.Length, weights, [], [], [], gradient);
            return;
        }
        gradient.Clear();
        var cut = _plan.Cut(step);
        for (var j = cut.Start(leaf); j < cut.Start(leaf + 1); j++)
        {
            var key = KeyOf(step, j);
            for (var k = 0; k < Elements; k++)
            {
                var bits = SeededRandom.Mix(key, (ulong)k);
                var term = (weights[k] * 0.3f + Unit(bits)) * Power(bits);
                gradient[k] += term / cut.Samples;
            }
            gradient[Elements] += (Unit(key) * Unit(key) * Power(key) + weights[0] * weights[0]) / cut.Samples;
            gradient[Elements + 1] += key % 3 == 0 ? 1 : 0;
        }
        Spoil(step, leaf, cut, weights, gradient);
    }

    private ulong KeyOf(long step, int sample) => SeededRandom.Mix(SeededRandom.Mix(_plan.Seed, (ulong)_plan.EpochOf(step)), (ulong)(_plan.FirstSample(step) + sample));

    private void Spoil(long step, int leaf, MicroBatches cut, ReadOnlySpan<float> weights, Span<float> gradient)
    {
        if (step == scenario.NonFiniteStep && leaf == FirstPresent(cut) && IsNonFinite(weights[0])) gradient[0] = step % 2 == 0 ? float.NaN : float.PositiveInfinity;
    }

    // After a rollback the weights differ, so another rate may escape it.
    private bool IsNonFinite(float weight) => _plan.OnNonFinite != NonFinitePolicy.Rollback || SeededRandom.Mix(BitConverter.SingleToUInt32Bits(weight), 5) % 2 == 0;

    private static int FirstPresent(MicroBatches cut)
    {
        var leaf = 0;
        while (cut.IsAbsent(TreeNode.Leaf(leaf))) leaf++;
        return leaf;
    }

    internal EvaluationTotals Evaluate(long version, int leaf, ReadOnlySpan<float> weights)
    {
        var cut = _plan.EvaluationCut;
        var totals = default(EvaluationTotals);
        for (var j = cut.Start(leaf); j < cut.Start(leaf + 1); j++)
        {
            var key = SeededRandom.Mix(_plan.Seed + 9, (ulong)j);
            totals += Evaluated(version, key, _plan.IsPiped ? Through(0, _plan.Stages.Length, Unit(key), weights) : weights[(int)(key % (ulong)Elements)]);
        }
        return totals;
    }

    private static EvaluationTotals Evaluated(long version, ulong key, float value)
    {
        var loss = Unit(key) * Math.Pow(2, (int)(key % 40)) * value + version;
        return new EvaluationTotals(loss, loss > 0 ? 1 : 0, 1);
    }

    internal static void Step(in StepScalars scalars, float coefficient, Span<float> weights, Span<float> momentum, ReadOnlySpan<float> gradient)
    {
        for (var k = 0; k < weights.Length; k++)
        {
            momentum[k] = scalars[1] * momentum[k] + coefficient * gradient[k];
            weights[k] -= scalars[0] * scalars[2] * momentum[k];
        }
    }

    internal static double SquaresOf(ReadOnlySpan<float> block)
    {
        var sum = 0.0;
        foreach (var value in block) sum += (double)value * value;
        return sum;
    }

    internal static ulong Hash(ReadOnlySpan<float> values, ulong hash = 17)
    {
        foreach (var value in values) hash = SeededRandom.Mix(hash, BitConverter.SingleToUInt32Bits(value));
        return hash;
    }

    private static float Unit(ulong bits) => (float)((long)(bits >> 40) - (1 << 23)) / (1 << 23);

    private static float Power(ulong bits) => BitConverter.UInt32BitsToSingle((uint)(127 - 10 + (int)(bits % 14)) << 23);
}
