using System.Globalization;
using System.Text.Json.Nodes;
using DistTrain.Contracts;
using DistTrain.Learning;

namespace DistTrain.Training.Specs;

/// <summary>A tree to a <see cref="JobSpec"/>: every field by name, type and range; all problems are collected, and the place of every value is kept for later ones.</summary>
internal sealed class SpecBinder(string source, List<SpecProblem> problems)
{
    /// <summary>Where each path of the file stands.</summary>
    public Dictionary<string, SpecPosition> Places { get; } = new(StringComparer.Ordinal);

    public JobSpec Bind(SpecMapping root)
    {
        var spec = new JobSpec();
        Constant(root, "apiVersion", JobSpec.ApiVersion);
        Constant(root, "kind", JobSpec.Kind);
        Group(SpecFields.Root, root with { Entries = [.. root.Entries.Where(e => e.Key is not ("apiVersion" or "kind"))] }, spec);
        foreach (var field in SpecFields.All)
            if (field.Required && !Places.ContainsKey(field.Path))
                Add(new SpecPosition(source, 0, 0), field.Path, $"is missing. Add it, for example {field.Example}.");
        return spec;
    }

    private void Constant(SpecMapping root, string key, string required)
    {
        if (root.Find(key) is not { } entry) Add(root.At, key, $"is missing. It must be {required}.");
        else if (entry.Value is not SpecScalar { Kind: ScalarKind.Text } scalar || scalar.Text != required) Add(entry.Value.At, key, $"is {Shown(entry.Value)}. It must be {required}.");
    }

    private void Group(SpecGroup group, SpecMapping mapping, JobSpec spec)
    {
        foreach (var entry in mapping.Entries)
        {
            var path = group.Path.Length == 0 ? entry.Key : $"{group.Path}.{entry.Key}";
            Places.TryAdd(path, entry.Value.At);
            switch (group.Find(entry.Key))
            {
                case null:
                    var names = group.Members.Select(m => m.Name).Concat(group.Path.Length == 0 ? ["apiVersion", "kind"] : []).ToArray();
                    Add(entry.KeyAt, ScalarSyntax.Shown(path), $"is not a field of a job.{NearestName.Suggest(entry.Key, names)} {(group.Path.Length == 0 ? "The file" : group.Path)} has {string.Join(", ", names)}.");
                    break;
                case SpecGroup inner when entry.Value is SpecMapping nested:
                    Group(inner, nested, spec);
                    break;
                case SpecGroup when entry.Value is SpecScalar { Kind: ScalarKind.Null }:
                    break;
                case SpecGroup inner:
                    Add(entry.Value.At, path, $"is {Shown(entry.Value)}. It must be a mapping with {string.Join(", ", inner.Members.Select(m => m.Name))}.");
                    break;
                case SpecField field:
                    if (Value(field, entry.Value, spec) is { } value) field.Set(spec, value);
                    break;
            }
        }
    }

    private object? Value(SpecField field, SpecNode node, JobSpec spec)
    {
        var type = field.Property.PropertyType;
        if (type == typeof(ComponentSpec)) return Component(node, field.Path);
        if (type == typeof(IReadOnlyList<ComponentSpec>)) return Components(node, field);
        if (node is not SpecScalar scalar) return Refuse(field, node);
        if (type == typeof(bool)) return scalar.Kind is ScalarKind.Bool ? scalar.Text is ['t' or 'T', ..] : Refuse(field, scalar);
        if (type == typeof(string)) return Text(field, scalar);
        if (type == typeof(double)) return Number(field, scalar);
        return field.UpperEnd is not null && scalar.Text.Split("..") is [var low, var high] ? Interval(field, scalar, low, high, spec) : Whole(field, scalar, scalar.Text);
    }

    private object? Text(SpecField field, SpecScalar scalar) =>
        scalar.Kind is not ScalarKind.Text && field.Pattern?.IsMatch(scalar.Text) is not true
        || field.Allowed?.Contains(scalar.Text) is false || field.Pattern?.IsMatch(scalar.Text) is false || scalar.Text.Contains('\0')
            ? Refuse(field, scalar) : scalar.Text;

    private object? Number(SpecField field, SpecScalar scalar)
    {
        if (scalar.Kind is not (ScalarKind.Integer or ScalarKind.Number) || !double.TryParse(scalar.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value)) return Refuse(field, scalar);
        return field.Range is { } range && (value < (double)range.Minimum || value > (double)range.Maximum) ? Refuse(field, scalar) : value;
    }

    private object? Whole(SpecField field, SpecScalar scalar, string text)
    {
        if (ScalarSyntax.KindOf(text) is not ScalarKind.Integer || scalar.Kind is ScalarKind.Text && text == scalar.Text || ScalarSyntax.WholeNumber(text) is not { } value) return Refuse(field, scalar);
        if (field.Property.PropertyType == typeof(ulong)) return value >= 0 ? (ulong)value : Refuse(field, scalar);
        return value < (int)field.Range!.Minimum || value > (int)field.Range.Maximum ? Refuse(field, scalar) : (int)value;
    }

    private object? Interval(SpecField field, SpecScalar scalar, string low, string high, JobSpec spec)
    {
        if (Whole(field, scalar, low) is not int lower || Whole(field, scalar, high) is not int upper) return null;
        if (upper < lower) return Refuse(field, scalar);
        field.UpperEnd!.SetValue(field.Section!.GetValue(spec), upper);
        return lower;
    }

    private IReadOnlyList<ComponentSpec>? Components(SpecNode node, SpecField field)
    {
        var path = field.Path;
        if (node is not SpecSequence list) return Component(node, path) is { } single ? [single] : null;
        if (list.Items.Count == 0 && field.Default is IReadOnlyList<ComponentSpec> { Count: 0 } none) return none;
        if (list.Items.Count == 0) Add(node.At, path, $"is an empty list. Name a model or list at least one layer.");
        var components = list.Items.Select((item, i) => Component(item, $"{path}[{i}]")).ToArray();
        return components.Length == 0 || components.Contains(null) ? null : [.. components.OfType<ComponentSpec>()];
    }

    /// <summary>One component: a name, or a name with its options. null, with the reason among the problems, where it is neither.</summary>
    public ComponentSpec? Component(SpecNode node, string path)
    {
        Places.TryAdd(path, node.At);
        switch (node)
        {
            case SpecScalar { Kind: ScalarKind.Text, Text.Length: > 0 } name:
                return new ComponentSpec(name.Text);
            case SpecMapping { Entries: [var only] }:
                var inner = $"{path}.{only.Key}";
                Places.TryAdd(inner, only.KeyAt);
                var options = only.Value switch
                {
                    SpecScalar { Kind: ScalarKind.Null } => null,
                    SpecMapping mapping => (JsonObject)Json(mapping, inner)!,
                    _ => new JsonObject { [""] = Json(only.Value, inner) },
                };
                return new ComponentSpec(only.Key, options);
            case SpecMapping { Entries.Count: > 1 } mapping:
                Add(node.At, path, $"has the keys {string.Join(", ", mapping.Entries.Take(5).Select(e => ScalarSyntax.Shown(e.Key)))}. It must be one name with its options inside, such as {{adam: {{lr: 0.001}}}}.");
                return null;
            default:
                Add(node.At, path, $"is {Shown(node)}. It must be a name, or one name with its options, such as {{adam: {{lr: 0.001}}}}.");
                return null;
        }
    }

    private JsonNode? Json(SpecNode node, string path)
    {
        Places[path] = node.At;
        switch (node)
        {
            case SpecMapping mapping:
                var members = new JsonObject();
                foreach (var entry in mapping.Entries) members[entry.Key] = Json(entry.Value, $"{path}.{entry.Key}");
                return members;
            case SpecSequence sequence:
                return new JsonArray([.. sequence.Items.Select((item, i) => Json(item, $"{path}[{i}]"))]);
            case SpecScalar { Kind: ScalarKind.Bool } scalar:
                return JsonValue.Create(scalar.Text is ['t' or 'T', ..]);
            case SpecScalar { Kind: ScalarKind.Integer } scalar when ScalarSyntax.WholeNumber(scalar.Text) is { } whole:
                return whole <= long.MaxValue ? JsonValue.Create((long)whole) : JsonValue.Create((ulong)whole);
            case SpecScalar { Kind: ScalarKind.Number } scalar:
                return JsonValue.Create(double.Parse(scalar.Text, NumberStyles.Float, CultureInfo.InvariantCulture));
            case SpecScalar { Kind: ScalarKind.Text } scalar:
                return JsonValue.Create(scalar.Text);
            case SpecScalar { Kind: ScalarKind.Null }:
                return null;
            default:
                Add(node.At, path, $"is {Shown(node)}. It must be a finite number that 64 bits can hold.");
                return JsonValue.Create(double.NaN); // the options beside it are still judged
        }
    }

    private object? Refuse(SpecField field, SpecNode node)
    {
        Add(node.At, field.Path, $"is {Shown(node)}. It must be {SpecRules.Of(field)}.{(field.Allowed is { Count: > 1 } && node is SpecScalar text ? NearestName.Suggest(text.Text, field.Allowed) : "")}");
        return null;
    }

    private static string Shown(SpecNode node) => node switch
    {
        SpecMapping => "a mapping",
        SpecSequence => "a list",
        SpecScalar { Kind: ScalarKind.Null } or SpecScalar { Text: "" } => "empty",
        SpecScalar { Kind: ScalarKind.Text } text when ScalarSyntax.KindOf(text.Text) is not ScalarKind.Text => $"the text \"{ScalarSyntax.Shown(text.Text).Trim('"')}\"",
        _ => ScalarSyntax.Shown(((SpecScalar)node).Text),
    };

    private void Add(SpecPosition at, string path, string message) => problems.Add(new SpecProblem(at, path, message));
}
