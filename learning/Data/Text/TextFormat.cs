using System.ComponentModel.DataAnnotations;
using System.Text;

namespace DistTrain.Learning;

/// <summary>In which order a text's windows are taken.</summary>
public enum TextSampling
{
    /// <summary>Drawn anew each epoch.</summary>
    Random,

    /// <summary>One after another in each lane.</summary>
    Adjacent,
}

/// <summary>
/// A text file (UTF-8, plain or gzip) for a language model: every character is a token, the last part of the text is the test set. Random sampling
/// draws training windows in a new order each epoch, and the state of a recurrent net starts at zero in each. Adjacent sampling cuts the text into as many lanes as a step has samples: each
/// step's windows follow those of the step before, and recurrent layers carry their state on, zero again at each epoch's start; gradients end at the window. Evaluations start at zero.
/// </summary>
[Named("text")]
public sealed class TextFormat(TextFormat.Options options) : DatasetFormat
{
    private const int MostBytes = 1 << 30;

    /// <param name="Length">Tokens of a sample.</param>
    /// <param name="Stride">Tokens between the starts of training windows; not given: length, so that windows do not overlap. 1 = every start.</param>
    /// <param name="Sampling">random: windows in a new order each epoch. adjacent: each sample goes on where the one in its place ended, with its state.</param>
    /// <param name="TestFraction">The share of the text, from its end, that becomes the test set; its windows do not overlap.</param>
    public sealed record Options(
        [property: Range(1, 1 << 20)] int Length = 64,
        [property: Range(1, 1 << 20)] int? Stride = null,
        TextSampling Sampling = TextSampling.Random,
        [property: Range(0.0, 1.0, MinimumIsExclusive = true, MaximumIsExclusive = true)] double TestFraction = 0.1);

    public override DataSplit Open(string path, ulong seed)
    {
        if (path.Length == 0) throw new DatasetException("data.path is empty. It must be a text file for the format \"text\".");
        if (!File.Exists(path)) throw new DatasetException($"data.path is {path}, which is no file (looked for {Path.GetFullPath(path)}). It must be a text file in UTF-8.");
        using var source = new SourceBytes();
        using var file = SourceFile.Open(path, source);
        var bytes = file.TakeAll(MostBytes);
        file.Finish("its last character");
        string text;
        try
        {
            text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes);
        }
        catch (ArgumentException wrong)
        {
            throw new DatasetException($"{path} is not UTF-8 text: {wrong.Message} Convert it to UTF-8.", wrong);
        }
        var runes = text.EnumerateRunes().ToArray();
        var tokens = new Tokens(runes.Distinct().Order());
        if (tokens.Count > ushort.MaxValue + 1) throw new DatasetException($"{path} has {tokens.Count} different characters. At most {ushort.MaxValue + 1} are taken.");
        var numbers = Array.ConvertAll(tokens.Encode(text), n => (ushort)n);
        var cut = (int)(numbers.Length * (1.0 - options.TestFraction));
        var (train, test) = (Windows("train", numbers[..cut], options.Stride ?? options.Length), Windows("test", numbers[cut..], options.Length));
        foreach (var part in (TextWindows[])[train, test])
            if (part.Count == 0)
                throw new DatasetException($"{path} has {numbers.Length} characters: {cut} to train and {numbers.Length - cut} to test. Each part must have more than length = {options.Length}. Use a longer text or a smaller length.");
        return new DataSplit(options.Sampling == TextSampling.Adjacent ? new AdjacentText(numbers[..cut], tokens, options.Length, train.Identity) : train, test);

        TextWindows Windows(string name, ushort[] part, int stride) =>
            new(part, tokens, options.Length, stride, source.Identity($"text {name}: {part.Length} of {numbers.Length} characters, {tokens.Count} different, from {Path.GetFileName(path)}"));
    }
}
