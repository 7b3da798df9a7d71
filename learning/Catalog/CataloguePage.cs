using System.Globalization;
using System.Text;

namespace DistTrain.Learning;

/// <summary>The catalogue as a page: every component with its formula and source, its options, their ranges and defaults. Made from docstrings, so it cannot say anything else than the code.</summary>
public static class CataloguePage
{
    /// <summary>The page as it stands in docs/catalogue.md.</summary>
    public static string Text() => Text(Catalog.BuiltIn);

    public static string Text(Catalog catalog)
    {
        var page = new StringBuilder("# Catalogue\n\nEvery component that a job names, from its docstring: formula, source, options. The first option is the short form (`{ linear: 10 }`).\nMade by `disttrain init --catalogue > docs/catalogue.md`; do not edit.\n");
        foreach (var kind in catalog.Kinds)
        {
            page.Append(CultureInfo.InvariantCulture, $"\n## {Spaced(Catalog.KindName(kind))}\n\n");
            page.AppendJoin(" · ", catalog.All(kind).Select(c => $"[{c.Name}](#{Anchor(kind, c)})")).Append('\n');
            foreach (var component in catalog.All(kind)) Write(page, kind, component);
        }
        return page.ToString();
    }

    private static void Write(StringBuilder page, Type kind, ComponentInfo component)
    {
        page.Append(CultureInfo.InvariantCulture, $"\n<a id=\"{Anchor(kind, component)}\"></a>\n### {component.Name}\n\n{Escaped(component.Doc)}\n");
        if (component.Options.Count == 0) return;
        page.Append("\n| option | default | must be | meaning |\n|---|---|---|---|\n");
        foreach (var option in component.Options)
            page.Append(CultureInfo.InvariantCulture, $"| `{option.Name}` | {Default(option)} | {Escaped(Allowed(option))} | {Escaped(option.Doc)} |\n");
    }

    private static string Default(OptionInfo option) => option.Required ? "required" : option.Default switch
    {
        null => "-",
        bool flag => flag ? "`true`" : "`false`",
        Enum choice => $"`{OptionInfo.CamelCase(choice.ToString())}`",
        string { Length: 0 } => "empty",
        float single => $"`{single.ToString("R", CultureInfo.InvariantCulture)}`",
        double number => $"`{number.ToString("R", CultureInfo.InvariantCulture)}`",
        Pair pair => $"`{pair}`",
        System.Collections.ICollection { Count: 0 } => "none",
        System.Collections.IEnumerable list and not string => $"`[{string.Join(", ", list.Cast<object>().Select(v => Convert.ToString(v, CultureInfo.InvariantCulture)))}]`",
        var other => $"`{Convert.ToString(other, CultureInfo.InvariantCulture)}`",
    };

    private static string Allowed(OptionInfo option)
    {
        var type = option.ElementType;
        var noun = type.IsEnum ? string.Join(", ", option.Choices)
            : type == typeof(bool) ? "true, false"
            : type == typeof(string) ? "text"
            : type == typeof(Pair) ? "one whole number or two"
            : type == typeof(int) || type == typeof(long) ? "whole number"
            : type == typeof(float) || type == typeof(double) ? "number"
            : Spaced(Catalog.KindName(type));
        return $"{(option.IsList ? "list of " : "")}{noun}{(option.RangeText.Length > 0 ? $", {option.RangeText}" : "")}";
    }

    private static string Anchor(Type kind, ComponentInfo component) => $"{Catalog.KindName(kind)}-{component.Name}";

    private static string Spaced(string camelCase) => string.Concat(camelCase.Select(c => char.IsUpper(c) ? $" {char.ToLowerInvariant(c)}" : $"{c}"));

    // What Markdown would take for its own: table bars, emphasis, tags.
    private static string Escaped(string text) => text.Replace("&", "&amp;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal).Replace("|", "\\|", StringComparison.Ordinal).Replace("*", "\\*", StringComparison.Ordinal).Replace("_", "\\_", StringComparison.Ordinal);
}
