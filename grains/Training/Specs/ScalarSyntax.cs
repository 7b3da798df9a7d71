using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace DistTrain.Training.Specs;

/// <summary>What a plain (unquoted) scalar is: the core schema of YAML 1.2.</summary>
internal static partial class ScalarSyntax
{
    public static ScalarKind KindOf(string text) => text switch
    {
        "" or "~" or "null" or "Null" or "NULL" => ScalarKind.Null,
        "true" or "True" or "TRUE" or "false" or "False" or "FALSE" => ScalarKind.Bool,
        _ when Integer().IsMatch(text) => ScalarKind.Integer,
        _ when NotFinite().IsMatch(text) => ScalarKind.NotFinite,
        _ when Number().IsMatch(text) => double.IsFinite(double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture)) ? ScalarKind.Number : ScalarKind.NotFinite,
        _ => ScalarKind.Text,
    };

    /// <summary>A whole number in 64 bits, signed or unsigned; null where it does not fit.</summary>
    public static Int128? WholeNumber(string text)
    {
        if (text.StartsWith("0x", StringComparison.Ordinal))
            return ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var hex) ? hex : null;
        return Int128.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) && whole >= long.MinValue && whole <= ulong.MaxValue ? whole : null;
    }

    /// <summary>The value for a message: at most so many characters, one line, nothing that could steer a terminal.</summary>
    public static string Shown(string text, int most = 60)
    {
        var shown = new StringBuilder();
        foreach (var rune in text.EnumerateRunes())
        {
            if (shown.Length >= most) return shown.Append("...").ToString();
            shown.Append(Rune.IsControl(rune) || Rune.GetUnicodeCategory(rune) is UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator ? "?" : rune.ToString());
        }
        return shown.Length == 0 ? "\"\"" : shown.ToString();
    }

    [GeneratedRegex(@"^([-+]?[0-9]+|0x[0-9a-fA-F]+)$")]
    private static partial Regex Integer();

    [GeneratedRegex(@"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$")]
    private static partial Regex Number();

    [GeneratedRegex(@"^([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$")]
    private static partial Regex NotFinite();
}
