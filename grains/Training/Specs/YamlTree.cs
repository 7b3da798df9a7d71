using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace DistTrain.Training.Specs;

/// <summary>YAML text to a <see cref="SpecNode"/> tree, at the parser's events: bounded in depth, nodes and aliases, so that no small file grows large.</summary>
internal sealed class YamlTree
{
    private readonly string _source;
    private readonly List<SpecProblem> _problems;
    private readonly Dictionary<string, SpecNode> _anchors = new(StringComparer.Ordinal);
    private readonly IParser _parser;
    private int _nodes;
    private int _aliases;

    private YamlTree(string text, string source, List<SpecProblem> problems)
    {
        (_source, _problems) = (source, problems);
        _parser = new Parser(new StringReader(text));
    }

    /// <summary>The only document's root; null, with the reason among the problems, where the text is no single document.</summary>
    public static SpecNode? Read(string text, string source, List<SpecProblem> problems)
    {
        var tree = new YamlTree(text, source, problems);
        try
        {
            return tree.Document();
        }
        catch (YamlException error)
        {
            var at = new SpecPosition(source, (int)error.End.Line, (int)error.End.Column);
            problems.Add(TabProblem(text, at) ?? new SpecProblem(at, "", $"this is not YAML: {Reason(error)}"));
            return null;
        }
        catch (Exception confused) when (confused is InvalidOperationException or ArgumentException or FormatException or IndexOutOfRangeException or NullReferenceException)
        {
            // The parser loses its way in some broken files without saying so.
            var at = tree._parser.Current is { } last ? tree.At(last.Start) : new SpecPosition(source, 0, 0);
            problems.Add(TabProblem(text, at) ?? new SpecProblem(at, "", "this is not YAML: what follows here cannot be understood."));
            return null;
        }
        catch (RefusedException refused)
        {
            problems.Add(refused.Problem);
            return null;
        }
    }

    private SpecNode? Document()
    {
        _parser.Consume<StreamStart>();
        if (!_parser.TryConsume<DocumentStart>(out _)) return null;
        var root = Node(0);
        _parser.Consume<DocumentEnd>();
        if (_parser.TryConsume<DocumentStart>(out var second))
            throw Refuse(second.Start, "a second document starts here. A job file holds one job; put the other into a file of its own.");
        return root;
    }

    private SpecNode Node(int depth)
    {
        var current = _parser.Current!;
        if (++_nodes > SpecLimits.Nodes)
            throw Refuse(current.Start, $"the file has more than {SpecLimits.Nodes:N0} values. A job file must have fewer; aliases count each time they are used.");
        if (depth > SpecLimits.Depth)
            throw Refuse(current.Start, $"values are nested deeper than {SpecLimits.Depth} here. A job file must be flatter.");
        if (_parser.TryConsume<AnchorAlias>(out var alias)) return Repeated(alias, depth);
        if (current is NodeEvent { Tag.IsEmpty: false } tagged && !(tagged.Tag.IsNonSpecific))
            _problems.Add(new SpecProblem(At(current.Start), "", $"the tag {ScalarSyntax.Shown(tagged.Tag.Value)} has no meaning in a job file. Remove it."));
        var node = Value(depth);
        if (current is NodeEvent { Anchor.IsEmpty: false } anchored) _anchors[anchored.Anchor.Value] = node;
        return node;
    }

    private SpecNode Value(int depth)
    {
        if (_parser.TryConsume<Scalar>(out var scalar))
            return new SpecScalar(At(scalar.Start), scalar.Style is ScalarStyle.Plain ? ScalarSyntax.KindOf(scalar.Value) : ScalarKind.Text, scalar.Value);
        if (_parser.TryConsume<SequenceStart>(out var sequence))
        {
            var items = new List<SpecNode>();
            while (!_parser.TryConsume<SequenceEnd>(out _)) items.Add(Node(depth + 1));
            return new SpecSequence(At(sequence.Start), items);
        }
        var mapping = _parser.Consume<MappingStart>();
        var entries = new SpecEntries(_problems);
        while (!_parser.TryConsume<MappingEnd>(out _))
        {
            var keyStart = _parser.Current!.Start;
            var key = Node(depth + 1);
            var value = Node(depth + 1);
            if (key is not SpecScalar name) throw Refuse(keyStart, "a key must be a name, not a list or a mapping.");
            entries.Add(new SpecEntry(name.Text, name.At, value));
        }
        return new SpecMapping(At(mapping.Start), entries.All);
    }

    private SpecNode Repeated(AnchorAlias alias, int depth)
    {
        if (++_aliases > SpecLimits.Aliases) throw Refuse(alias.Start, $"more than {SpecLimits.Aliases} aliases are used. Write the values out.");
        if (!_anchors.TryGetValue(alias.Value.Value, out var node))
            throw Refuse(alias.Start, $"*{ScalarSyntax.Shown(alias.Value.Value)} refers to an anchor that is not complete at this place. Define &{ScalarSyntax.Shown(alias.Value.Value)} before it is used.");
        Count(node, depth, alias.Start);
        return node;
    }

    private void Count(SpecNode node, int depth, Mark at)
    {
        if (++_nodes > SpecLimits.Nodes || depth > SpecLimits.Depth)
            throw Refuse(at, $"with its aliases the file has more than {SpecLimits.Nodes:N0} values or is nested deeper than {SpecLimits.Depth}. Write a smaller job file.");
        IEnumerable<SpecNode> children = node switch
        {
            SpecMapping mapping => mapping.Entries.Select(e => e.Value),
            SpecSequence sequence => sequence.Items,
            _ => [],
        };
        foreach (var child in children) Count(child, depth + 1, at);
    }

    // The parser's own message for a tab names neither the tab nor its line.
    private static SpecProblem? TabProblem(string text, SpecPosition at)
    {
        var line = 0;
        foreach (var content in text.AsSpan().EnumerateLines())
        {
            line++;
            var tab = content[..(content.Length - content.TrimStart(" \t").Length)].IndexOf('\t');
            if (tab >= 0) return new SpecProblem(at with { Line = line, Column = tab + 1 }, "", "the line is indented with a tab. YAML allows spaces only; replace it by two spaces.");
        }
        return null;
    }

    private static string Reason(YamlException error)
    {
        var text = ScalarSyntax.Shown(error.Message.ReplaceLineEndings(" ").TrimEnd('.'), 200);
        return char.ToLowerInvariant(text[0]) + text[1..] + ".";
    }

    private SpecPosition At(Mark mark) => new(_source, (int)mark.Line, (int)mark.Column);

    private RefusedException Refuse(Mark mark, string message) => new(new SpecProblem(At(mark), "", message));

    private sealed class RefusedException(SpecProblem problem) : Exception(problem.Message)
    {
        public SpecProblem Problem { get; } = problem;
    }
}
