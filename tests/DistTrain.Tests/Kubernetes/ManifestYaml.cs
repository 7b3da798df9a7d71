using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace DistTrain.Tests.Kubernetes;

/// <summary>
/// Manifests as Kubernetes' tools read them: one JSON object for each YAML document. Refused, because the tools disagree about it or silently
/// pick one meaning: a key that stands twice, a bare yes / no / on / off, a number with a leading zero, an empty value, anchors and tags.
/// </summary>
internal static partial class ManifestYaml
{
    public static IReadOnlyList<JsonObject> Read(string text, string source)
    {
        var parser = new Parser(new StringReader(text));
        var documents = new List<JsonObject>();
        parser.Consume<StreamStart>();
        while (parser.TryConsume<DocumentStart>(out var start))
        {
            var document = Node(parser, source);
            if (document is JsonObject mapping) documents.Add(mapping);
            else if (document is not null) throw Refuse(start, source, "a document must be a mapping.");
            parser.Consume<DocumentEnd>();
        }
        return documents;
    }

    private static JsonNode? Node(IParser parser, string source)
    {
        if (parser.TryConsume<Scalar>(out var scalar)) return Value(scalar, source);
        if (parser.TryConsume<SequenceStart>(out var sequence))
        {
            Plain(sequence, source);
            var items = new JsonArray();
            while (!parser.TryConsume<SequenceEnd>(out _)) items.Add(Node(parser, source));
            return items;
        }
        if (parser.TryConsume<AnchorAlias>(out var alias)) throw Refuse(alias, source, $"*{alias.Value} is an alias. Write the value out.");
        Plain(parser.Consume<MappingStart>(), source);
        var mapping = new JsonObject();
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            var key = parser.Consume<Scalar>();
            if (mapping.ContainsKey(key.Value)) throw Refuse(key, source, $"{key.Value} stands twice in this mapping. Keep one.");
            mapping.Add(key.Value, Node(parser, source));
        }
        return mapping;
    }

    private static JsonValue? Value(Scalar scalar, string source)
    {
        Plain(scalar, source);
        if (scalar.Style is not ScalarStyle.Plain) return JsonValue.Create(scalar.Value);
        var text = scalar.Value;
        if (text is "" or "~" or "null" or "Null" or "NULL") return null;
        if (text is "true" or "false") return JsonValue.Create(text == "true");
        if (Ambiguous().IsMatch(text)) throw Refuse(scalar, source, $"{text} is a text to some YAML readers and something else to others. Quote it, or write true, false or a decimal number.");
        if (Whole().IsMatch(text)) return JsonValue.Create(long.Parse(text, CultureInfo.InvariantCulture));
        if (Fraction().IsMatch(text)) return JsonValue.Create(double.Parse(text, CultureInfo.InvariantCulture));
        return JsonValue.Create(text);
    }

    private static void Plain(NodeEvent node, string source)
    {
        if (!node.Anchor.IsEmpty || (!node.Tag.IsEmpty && !node.Tag.IsNonSpecific)) throw Refuse(node, source, "an anchor or a tag stands here. Write the value plainly.");
    }

    private static FormatException Refuse(ParsingEvent at, string source, string message) => new($"{source}, line {at.Start.Line}: {message}");

    [GeneratedRegex(@"^(?:[yYnN]|[yY]es|YES|[nN]o|NO|[oO]n|ON|[oO]ff|OFF|True|TRUE|False|FALSE|[-+]?0[0-9_]+|0[xob][0-9a-fA-F_]+|[-+]?[0-9]+(?::[0-5]?[0-9])+)$")]
    private static partial Regex Ambiguous();

    [GeneratedRegex("^-?(?:0|[1-9][0-9]{0,17})$")]
    private static partial Regex Whole();

    [GeneratedRegex(@"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$")]
    private static partial Regex Fraction();
}
