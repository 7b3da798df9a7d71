using System.Text;

namespace DistTrain.Learning;

/// <summary>Characters (Unicode code points) of a text and their numbers, in ordinal order: token i is the i-th smallest character that occurs.</summary>
public sealed class Tokens
{
    private readonly Rune[] _characters;
    private readonly Dictionary<Rune, int> _numbers = [];

    /// <param name="characters">Distinct, ascending.</param>
    public Tokens(IEnumerable<Rune> characters)
    {
        _characters = [.. characters];
        for (var i = 0; i < _characters.Length; i++) _numbers.Add(_characters[i], i);
    }

    /// <summary>How many there are.</summary>
    public int Count => _characters.Length;

    /// <summary>Numbers of a text's characters.</summary>
    /// <exception cref="DatasetException">A character does not occur in the training text.</exception>
    public int[] Encode(string text) => [.. text.EnumerateRunes().Select(rune => _numbers.TryGetValue(rune, out var number) ? number
        : throw new DatasetException($"the text has the character {rune} (U+{rune.Value:X4}), which the {Count} characters that the model was trained on lack. Leave it out."))];

    public string Decode(IEnumerable<int> tokens)
    {
        var text = new StringBuilder();
        foreach (var token in tokens) text.Append(_characters[token].ToString());
        return text.ToString();
    }
}
