using DistTrain.Protocol;

namespace DistTrain.Tests.Simulation;

// A model in sequence: a sample's activation goes through all stages' weights and the gradient comes back, so a stage that is given another attempt's activation gives other bits.
internal sealed partial class Arithmetic
{
    private (int First, int End) ElementsOf(int stage)
    {
        var (first, last) = (_plan.Shards[_plan.Stages[stage].FirstShard], _plan.Shards[_plan.Stages[stage].EndShard - 1]);
        return (first.FirstBlock * Scenario.BlockLength, (last.FirstBlock + last.BlockCount) * Scenario.BlockLength);
    }

    /// <summary>A sample's activation after stages [first, end).</summary>
    internal float Through(int first, int end, float activation, ReadOnlySpan<float> weights)
    {
        for (var stage = first; stage < end; stage++)
        {
            var (from, to) = ElementsOf(stage);
            for (var k = from; k < to; k++) activation = activation * 0.75f + weights[k] * 0.25f;
        }
        return activation;
    }

    /// <summary>Activations of samples after stages [first, end).</summary>
    /// <param name="input">Of the samples before them; empty before the first stage.</param>
    internal float[] Forward(MicroBatches cut, TreeNode node, Func<int, ulong> keyOf, int first, int end, ReadOnlySpan<float> input, ReadOnlySpan<float> weights)
    {
        var outputs = new float[cut.SamplesOf(node)];
        for (var i = 0; i < outputs.Length; i++) outputs[i] = Through(first, end, first == 0 ? Unit(keyOf(cut.Start(node.First) + i)) : input[i], weights);
        return outputs;
    }

    internal ulong TrainingKey(long step, int sample) => KeyOf(step, sample);

    internal ulong EvaluationKey(int sample) => SeededRandom.Mix(_plan.Seed + 9, (ulong)sample);

    internal static EvaluationTotals EvaluatedBy(long version, ulong key, float value) => Evaluated(version, key, value);

    /// <summary>One micro-batch of stages [first, end): its samples added in order.</summary>
    /// <param name="inputs">Activations before these stages; empty: of samples.</param>
    /// <param name="outputGradients">By the activations after them; empty: of the loss.</param>
    /// <param name="inputGradients">By the activations before them; overwritten, or empty.</param>
    internal void Leaf(long step, int leaf, int first, int end, ReadOnlySpan<float> weights, ReadOnlySpan<float> inputs, ReadOnlySpan<float> outputGradients, Span<float> inputGradients, Span<float> gradient)
    {
        gradient.Clear();
        var cut = _plan.Cut(step);
        Span<float> activations = stackalloc float[end - first + 1];
        for (var j = cut.Start(leaf); j < cut.Start(leaf + 1); j++)
        {
            var (key, i) = (KeyOf(step, j), j - cut.Start(leaf));
            activations[0] = inputs.IsEmpty ? Unit(key) : inputs[i];
            for (var stage = first; stage < end; stage++) activations[stage - first + 1] = Through(stage, stage + 1, activations[stage - first], weights);
            var back = outputGradients.IsEmpty ? activations[end - first] / cut.Samples : outputGradients[i];
            for (var stage = end - 1; stage >= first; stage--)
            {
                var (from, to) = ElementsOf(stage);
                for (var k = from; k < to; k++)
                {
                    var bits = SeededRandom.Mix(key, (ulong)k);
                    gradient[k] += (weights[k] * 0.3f + Unit(bits) + 0.1f * activations[stage - first] + 0.1f * back) * Power(bits) / cut.Samples;
                }
                back = 0.5f * back + 0.125f * activations[stage - first] / cut.Samples;
            }
            if (!inputGradients.IsEmpty) inputGradients[i] = back;
            if (end < _plan.Stages.Length) continue;
            gradient[Elements] += (Unit(key) * Unit(key) * Power(key) + activations[^1] * activations[^1]) / cut.Samples;
            gradient[Elements + 1] += key % 3 == 0 ? 1 : 0;
        }
        if (first == 0) Spoil(step, leaf, cut, weights, gradient);
    }
}
