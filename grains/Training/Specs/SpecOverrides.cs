using System.Globalization;
using DistTrain.Contracts;
using DistTrain.Learning;

namespace DistTrain.Training.Specs;

/// <summary>One value that the command puts over the file's: <c>optimizer.lr=0.01</c>.</summary>
/// <param name="Path">Below spec, or from the root; inside a component its name may be left out.</param>
/// <param name="Value">YAML.</param>
/// <param name="Source">What messages call it: <c>--set optimizer.lr=0.01</c>, <c>--workers 4</c>.</param>
public sealed record SpecOverride(string Path, string Value, string Source)
{
    /// <summary>From <c>path=value</c>.</summary>
    public static SpecOverride Parse(string text)
    {
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        return equals < 0 ? new SpecOverride(text, "", $"--set {text}") : new SpecOverride(text[..equals].Trim(), text[(equals + 1)..], $"--set {text}");
    }
}

/// <summary>Applies overrides to a file's tree, so that the reader judges them as it judges the file.</summary>
internal static class SpecOverrides
{
    public static SpecMapping Apply(SpecMapping root, IEnumerable<SpecOverride> overrides, List<SpecProblem> problems)
    {
        foreach (var item in overrides)
        {
            var at = new SpecPosition(item.Source, 0, 0);
            if (item.Source.StartsWith("--set ", StringComparison.Ordinal) && !item.Source.Contains('='))
            {
                problems.Add(new SpecProblem(at, "", "It must be path=value, such as optimizer.lr=0.01."));
                continue;
            }
            var found = problems.Count;
            var value = YamlTree.Read(item.Value, item.Source, problems);
            if (problems.Count > found) continue;
            var names = item.Path.Split('.');
            if (names[0] is not ("spec" or "metadata")) names = names is ["name"] ? ["metadata", "name"] : ["spec", .. names];
            root = (SpecMapping)Put(root, SpecFields.Root, names, WithoutLines(value ?? new SpecScalar(at, ScalarKind.Text, ""), at), at, problems);
        }
        return root;
    }

    private static SpecNode Put(SpecNode node, SpecMember member, ReadOnlySpan<string> names, SpecNode value, SpecPosition at, List<SpecProblem> problems)
    {
        if (names.IsEmpty) return value;
        if (member is SpecField field)
        {
            if (field.Component is not null) return Inside(node, field, names, value, at, problems);
            problems.Add(new SpecProblem(at, field.Path, $"has no fields of its own. Set {Short(field.Path)} itself."));
            return node;
        }
        var group = (SpecGroup)member;
        if (group.Find(names[0]) is not { } next)
        {
            var known = group.Members.Select(m => m.Name).ToArray();
            var path = group.Path.Length == 0 ? names[0] : $"{group.Path}.{names[0]}";
            problems.Add(new SpecProblem(at, ScalarSyntax.Shown(path), $"is not a field of a job.{NearestName.Suggest(names[0], known)} {group.Path} has {string.Join(", ", known)}."));
            return node;
        }
        var mapping = node as SpecMapping ?? new SpecMapping(at, []);
        var child = mapping.Find(names[0])?.Value ?? (next is SpecGroup ? new SpecMapping(at, []) : Default((SpecField)next, at));
        return mapping.With(new SpecEntry(names[0], at, Put(child, next, names[1..], value, at, problems)));
    }

    /// <summary>An option of a component: <c>lr</c>, <c>adam.lr</c>, or <c>2.conv2d.out</c> in a list.</summary>
    private static SpecNode Inside(SpecNode node, SpecField field, ReadOnlySpan<string> names, SpecNode value, SpecPosition at, List<SpecProblem> problems)
    {
        if (node is SpecSequence list)
        {
            if (!int.TryParse(names[0], NumberStyles.None, CultureInfo.InvariantCulture, out var index) || index >= list.Items.Count || names.Length < 2)
            {
                problems.Add(new SpecProblem(at, field.Path, $"is a list of {list.Items.Count}. Name an item by number and an option, such as {Short(field.Path)}.0.out."));
                return node;
            }
            var items = list.Items.ToArray();
            items[index] = Inside(items[index], field, names[1..], value, at, problems);
            return list with { Items = items };
        }
        var (name, options) = node switch
        {
            SpecScalar { Kind: ScalarKind.Text } plain => (plain.Text, new SpecMapping(at, [])),
            SpecMapping { Entries: [{ Value: SpecMapping inner } only] } => (only.Key, inner),
            SpecMapping { Entries: [{ Value: SpecScalar { Kind: ScalarKind.Null } } only] } => (only.Key, new SpecMapping(at, [])),
            _ => ("", null),
        };
        if (options is null)
        {
            problems.Add(new SpecProblem(at, field.Path, $"is not written as a name with named options, so no option can be set in it. Write it as {{name: {{option: value}}}} or set it whole."));
            return node;
        }
        if (names.Length > 1 && names[0] == name) names = names[1..];
        return new SpecMapping(node.At, [new SpecEntry(name, node.At, Deep(options, names, value, at))]);
    }

    private static SpecMapping Deep(SpecMapping options, ReadOnlySpan<string> names, SpecNode value, SpecPosition at) =>
        options.With(new SpecEntry(names[0], at, names.Length == 1 ? value : Deep(options.Find(names[0])?.Value as SpecMapping ?? new SpecMapping(at, []), names[1..], value, at)));

    private static SpecNode Default(SpecField field, SpecPosition at) => field.Default switch
    {
        ComponentSpec component => new SpecScalar(at, ScalarKind.Text, component.Name),
        IReadOnlyList<ComponentSpec> { Count: > 0 } components => new SpecScalar(at, ScalarKind.Text, components[0].Name),
        IReadOnlyList<ComponentSpec> => new SpecSequence(at, []),
        _ => new SpecScalar(at, ScalarKind.Null, ""),
    };

    private static SpecNode WithoutLines(SpecNode node, SpecPosition at) => node switch
    {
        SpecMapping mapping => new SpecMapping(at, [.. mapping.Entries.Select(e => new SpecEntry(e.Key, at, WithoutLines(e.Value, at)))]),
        SpecSequence sequence => new SpecSequence(at, [.. sequence.Items.Select(i => WithoutLines(i, at))]),
        _ => node with { At = at },
    };

    private static string Short(string path) => path.StartsWith("spec.", StringComparison.Ordinal) ? path[5..] : path;
}
