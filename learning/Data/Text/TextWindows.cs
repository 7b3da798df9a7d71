namespace DistTrain.Learning;

/// <summary>Windows of a text at equal distances: sample i is tokens [i·stride, i·stride + length).</summary>
/// <param name="text">Tokens; kept, not copied.</param>
/// <param name="tokens">What the numbers stand for.</param>
/// <param name="length">Tokens of a sample.</param>
/// <param name="stride">Tokens from one window's start to the next one's.</param>
public sealed class TextWindows(ushort[] text, Tokens tokens, int length, int stride, DatasetIdentity identity) : TextSet(text, tokens, length, identity)
{
    public override int Count { get; } = text.Length <= length ? 0 : (text.Length - length - 1) / stride + 1;

    protected override int Start(int index) => checked(index * stride);
}
