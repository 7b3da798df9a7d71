using DistTrain.Kernels;
using DistTrain.Learning;

namespace DistTrain.Cli;

/// <summary>Text from a language model, one token after another: p = softmax(logits / temperature) of the last position, drawn from Philox, so a seed always writes the same text.</summary>
internal sealed class TextWriting(IReplica replica, View weights, Tokens tokens, int length)
{
    private readonly float[] _input = new float[length];
    private readonly float[] _output = new float[length * tokens.Count];

    /// <param name="prompt">What it goes on from; at least one character.</param>
    /// <param name="count">Characters to write.</param>
    /// <param name="temperature">0 = always the likeliest.</param>
    public IEnumerable<string> Write(string prompt, int count, double temperature, ulong seed)
    {
        var text = new List<int>(tokens.Encode(prompt));
        var random = new RandomStream(seed, 0);
        for (var i = 0; i < count; i++)
        {
            // The net takes windows of one length: the latest tokens stand at its front, what follows them cannot act backwards in time.
            var seen = Math.Min(text.Count, length);
            Array.Clear(_input);
            for (var k = 0; k < seen; k++) _input[k] = text[text.Count - seen + k];
            replica.Predict(_input, 1, weights, _output);
            var next = Draw(_output.AsSpan((seen - 1) * tokens.Count, tokens.Count), temperature, (random.NextWord() >> 8) / 16777216.0);
            text.Add(next);
            yield return tokens.Decode([next]);
        }
    }

    private static int Draw(ReadOnlySpan<float> logits, double temperature, double uniform)
    {
        var best = 0;
        for (var k = 1; k < logits.Length; k++)
            if (logits[k] > logits[best]) best = k;
        if (temperature <= 0) return best;
        var (sum, reached) = (0.0, 0.0);
        foreach (var logit in logits) sum += Scalar64.Exp((logit - logits[best]) / temperature);
        for (var k = 0; k < logits.Length; k++)
        {
            reached += Scalar64.Exp((logits[k] - logits[best]) / temperature) / sum;
            if (uniform < reached) return k;
        }
        return best;
    }
}
