namespace DistTrain.Learning;

/// <summary>
/// A text in lanes: lane b of B begins at token b·⌊(N - 1) / B⌋, and sample s·B + b is that lane's tokens [s·T, (s + 1)·T). What does not fill a window of every lane is left out, so that
/// each step has B samples.
/// </summary>
/// <param name="text">Tokens; kept, not copied.</param>
/// <param name="tokens">What the numbers stand for.</param>
/// <param name="length">Tokens of a sample, T.</param>
/// <param name="lanes">B; with 1 the text is one lane.</param>
public sealed class AdjacentText(ushort[] text, Tokens tokens, int length, DatasetIdentity identity, int lanes = 1) : TextSet(text, tokens, length, identity)
{
    private readonly int _laneTokens = (text.Length - 1) / lanes;

    public override int Lanes => lanes;

    public override int Count => _laneTokens / InputShape.Length * lanes;

    public override Dataset ForBatches(int batchSize)
    {
        var most = (Text.Length - 1) / InputShape.Length;
        return batchSize <= most ? new AdjacentText(Text, Tokens, InputShape.Length, Identity, batchSize)
            : throw new DatasetException($"the training text has {Text.Length} tokens, enough for {most} lanes of one window of {InputShape.Length}; batchSize asks for {batchSize}. Use a smaller batchSize or length, or a longer text.");
    }

    protected override int Start(int index) => checked(index % lanes * _laneTokens + index / lanes * InputShape.Length);
}
