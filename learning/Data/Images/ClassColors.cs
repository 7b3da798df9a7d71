using System.Globalization;

namespace DistTrain.Learning;

/// <summary>Which colour stands for which class in a map of classes, both ways.</summary>
public sealed class ClassColors
{
    private readonly (byte R, byte G, byte B)[] _colors;
    private readonly Dictionary<(byte, byte, byte), int> _classes = [];

    /// <param name="colors">One for each class, as six hexadecimal digits: red, green, blue.</param>
    /// <exception cref="DatasetException">One is no colour, or stands for two classes.</exception>
    public ClassColors(IReadOnlyList<string> colors)
    {
        _colors = [.. colors.Select(text => text.Length == 6 && uint.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)
            ? ((byte)(value >> 16), (byte)(value >> 8), (byte)value)
            : throw new DatasetException($"colors has \"{text}\". A colour must be six hexadecimal digits, such as \"800000\"."))];
        for (var i = 0; i < _colors.Length; i++)
            if (!_classes.TryAdd(_colors[i], i)) throw new DatasetException($"colors has \"{colors[i]}\" for class {_classes[_colors[i]]} and class {i}. Each class must have its own.");
    }

    public int Count => _colors.Length;

    /// <summary>0 for a colour that stands for none.</summary>
    public int ClassOf(byte red, byte green, byte blue) => _classes.GetValueOrDefault((red, green, blue));

    /// <summary>A map of classes as an RGB picture.</summary>
    public Picture Paint(ReadOnlySpan<int> classes, int height, int width)
    {
        var values = new byte[3 * classes.Length];
        for (var i = 0; i < classes.Length; i++) (values[3 * i], values[3 * i + 1], values[3 * i + 2]) = _colors[classes[i]];
        return new Picture(width, height, 3, values);
    }
}
