namespace DistTrain.Learning;

/// <summary>Windows of a text: sample i is tokens [i·stride, i·stride + length), its targets are the same tokens one further on.</summary>
public sealed class TextWindows : Dataset
{
    private readonly ushort[] _text;
    private readonly int _stride;

    /// <param name="text">Tokens; kept, not copied.</param>
    /// <param name="length">Tokens of a sample.</param>
    /// <param name="stride">Tokens from one window's start to the next one's.</param>
    public TextWindows(ushort[] text, Tokens tokens, int length, int stride, DatasetIdentity identity)
    {
        (_text, _stride, Tokens, Identity) = (text, stride, tokens, identity);
        (InputShape, TargetShape) = (new Shape(length), new Shape(length));
        Count = text.Length <= length ? 0 : (text.Length - length - 1) / stride + 1;
    }

    /// <summary>What the numbers stand for.</summary>
    public Tokens Tokens { get; }

    public override int Count { get; }

    public override Shape InputShape { get; }

    public override int Vocabulary => Tokens.Count;

    public override Shape TargetShape { get; }

    public override TargetKind TargetKind => TargetKind.Labels;

    public override int Classes => Tokens.Count;

    public override DatasetIdentity Identity { get; }

    public override void Read(int index, Span<float> input, Span<int> target)
    {
        var window = _text.AsSpan(checked(index * _stride), InputShape.Length + 1);
        for (var i = 0; i < input.Length; i++) (input[i], target[i]) = (window[i], window[i + 1]);
    }
}
