namespace DistTrain.Learning;

/// <summary>Windows of a text for a language model: input and target are a window's tokens, the target's each one further on.</summary>
/// <param name="text">Tokens; kept, not copied.</param>
/// <param name="tokens">What the numbers stand for.</param>
/// <param name="length">Tokens of a sample.</param>
public abstract class TextSet(ushort[] text, Tokens tokens, int length, DatasetIdentity identity) : Dataset
{
    /// <summary>What the numbers stand for.</summary>
    public Tokens Tokens { get; } = tokens;

    public sealed override Shape InputShape { get; } = new(length);

    public sealed override int Vocabulary => Tokens.Count;

    public sealed override Shape TargetShape { get; } = new(length);

    public sealed override TargetKind TargetKind => TargetKind.Labels;

    public sealed override int Classes => Tokens.Count;

    public sealed override DatasetIdentity Identity { get; } = identity;

    protected ushort[] Text { get; } = text;

    /// <summary>First token of a sample.</summary>
    protected abstract int Start(int index);

    public sealed override void Read(int index, Span<float> input, Span<int> target)
    {
        var window = Text.AsSpan(Start(index), InputShape.Length + 1);
        for (var i = 0; i < input.Length; i++) (input[i], target[i]) = (window[i], window[i + 1]);
    }
}
