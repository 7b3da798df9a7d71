using System.Text.Json;

namespace DistTrain.Training.Specs;

/// <summary>JSON text to a <see cref="SpecNode"/> tree under the same bounds as YAML; comments are allowed, trailing commas too.</summary>
internal ref struct JsonTree
{
    private readonly ReadOnlySpan<byte> _text;
    private readonly string _source;
    private readonly List<SpecProblem> _problems;
    private Utf8JsonReader _reader;
    private int _offset;
    private int _line;
    private int _lineStart;
    private int _nodes;

    private JsonTree(ReadOnlySpan<byte> text, string source, List<SpecProblem> problems)
    {
        _text = text;
        (_source, _problems, _line) = (source, problems, 1);
        _reader = new Utf8JsonReader(text, new JsonReaderOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true, MaxDepth = SpecLimits.Depth });
    }

    /// <summary>The root; null, with the reason among the problems, where the text is no JSON.</summary>
    public static SpecNode? Read(ReadOnlySpan<byte> text, string source, List<SpecProblem> problems)
    {
        if (text.Trim(" \t\r\n"u8).IsEmpty) return null;
        var tree = new JsonTree(text, source, problems);
        try
        {
            tree._reader.Read();
            var root = tree.Value();
            if (root is null) return null;
            tree._reader.Read();
            return root;
        }
        catch (JsonException error)
        {
            var at = new SpecPosition(source, (int)(error.LineNumber ?? 0) + 1, (int)(error.BytePositionInLine ?? 0) + 1);
            var reason = ScalarSyntax.Shown(error.Message.Split(" LineNumber:")[0], 160);
            problems.Add(new SpecProblem(at, "", $"this is not JSON: {char.ToLowerInvariant(reason[0])}{reason[1..]}"));
            return null;
        }
        catch (InvalidOperationException)
        {
            problems.Add(new SpecProblem(tree.At(), "", "the text here has half of a surrogate pair (\\ud800 to \\udfff). Write the whole character."));
            return null;
        }
    }

    private SpecNode? Value()
    {
        var at = At();
        if (++_nodes > SpecLimits.Nodes)
        {
            if (_nodes == SpecLimits.Nodes + 1)
                _problems.Add(new SpecProblem(at, "", $"the file has more than {SpecLimits.Nodes:N0} values. A job file must have fewer."));
            return null;
        }
        switch (_reader.TokenType)
        {
            case JsonTokenType.StartObject:
                return Mapping(at);
            case JsonTokenType.StartArray:
                var items = new List<SpecNode>();
                while (_reader.Read() && _reader.TokenType != JsonTokenType.EndArray)
                {
                    if (Value() is not { } item) return null;
                    items.Add(item);
                }
                return new SpecSequence(at, items);
            case JsonTokenType.String:
                return new SpecScalar(at, ScalarKind.Text, _reader.GetString()!);
            case JsonTokenType.Null:
                return new SpecScalar(at, ScalarKind.Null, "null");
            default:
                var text = System.Text.Encoding.UTF8.GetString(_reader.ValueSpan);
                return new SpecScalar(at, ScalarSyntax.KindOf(text), text);
        }
    }

    private SpecMapping? Mapping(SpecPosition at)
    {
        var entries = new SpecEntries(_problems);
        while (_reader.Read() && _reader.TokenType != JsonTokenType.EndObject)
        {
            var (key, keyAt) = (_reader.GetString()!, At());
            _reader.Read();
            if (Value() is not { } value) return null;
            entries.Add(new SpecEntry(key, keyAt, value));
        }
        return new SpecMapping(at, entries.All);
    }

    /// <summary>Tokens come in order, so lines are counted once over the whole text.</summary>
    private SpecPosition At()
    {
        var start = (int)_reader.TokenStartIndex;
        for (; _offset < start; _offset++)
            if (_text[_offset] == (byte)'\n') (_line, _lineStart) = (_line + 1, _offset + 1);
        return new SpecPosition(_source, _line, start - _lineStart + 1);
    }
}
