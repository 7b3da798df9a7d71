using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using DistTrain.Contracts;
using DistTrain.Learning;

namespace DistTrain.Training.Specs;

/// <summary>
/// JSON Schema (2020-12) of the job file, made from the records of the contract and the catalogue: editors complete and check with it.
/// It says what a schema can: names, types, ranges. Shapes, data and duplicate keys are left to <c>disttrain validate</c>.
/// </summary>
public static class JobSchema
{
    private static readonly JsonSerializerOptions Readable = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, NewLine = "\n" };

    /// <summary>The schema as it stands in docs/job-spec.schema.json.</summary>
    public static string Text() => Make(Catalog.BuiltIn).ToJsonString(Readable) + "\n";

    public static JsonObject Make(Catalog catalog)
    {
        var root = new JsonObject
        {
            ["$schema"] = "https://json-schema.org/draft/2020-12/schema",
            ["title"] = "DistTrain job",
            ["description"] = SpecFields.Root.Description,
        };
        Fill(root, SpecFields.Root);
        var properties = (JsonObject)root["properties"]!;
        properties.Insert(0, "apiVersion", new JsonObject { ["const"] = JobSpec.ApiVersion });
        properties.Insert(1, "kind", new JsonObject { ["const"] = JobSpec.Kind });
        root["required"] = new JsonArray("apiVersion", "kind", "metadata");
        var definitions = new JsonObject();
        foreach (var word in Words(catalog)) definitions[word.Key] = Components(catalog, word.Value);
        root["$defs"] = definitions;
        return root;
    }

    private static void Fill(JsonObject schema, SpecGroup group)
    {
        // An empty group is written as nothing at all: "training:".
        schema["type"] = group.Path.Length == 0 || Requires(group) ? "object" : new JsonArray("object", "null");
        schema["additionalProperties"] = false;
        var properties = new JsonObject();
        foreach (var member in group.Members)
        {
            var one = member is SpecField field ? Field(field) : new JsonObject();
            if (member.Description.Length > 0) one["description"] = member.Description;
            if (member is SpecGroup inner) Fill(one, inner);
            properties[member.Name] = one;
        }
        schema["properties"] = properties;
        if (group.Members.OfType<SpecField>().Where(f => f.Required).Select(f => JsonValue.Create(f.Name)).ToArray() is { Length: > 0 } required) schema["required"] = new JsonArray([.. required]);
    }

    private static bool Requires(SpecGroup group) => group.Members.Exists(m => m is SpecField { Required: true });

    private static JsonObject Field(SpecField field)
    {
        var type = field.Property.PropertyType;
        if (type == typeof(IReadOnlyList<ComponentSpec>) && field.Component is { } word and not "model")
            return new JsonObject { ["anyOf"] = new JsonArray(Reference(word), new JsonObject { ["type"] = "array", ["items"] = Reference(word) }) };
        if (type == typeof(IReadOnlyList<ComponentSpec>))
            return new JsonObject { ["anyOf"] = new JsonArray(Reference("model"), new JsonObject { ["type"] = "array", ["items"] = Reference("layer"), ["minItems"] = 1 }) };
        if (type == typeof(ComponentSpec)) return Reference(field.Component!);
        var schema = new JsonObject();
        if (field.Allowed is { } allowed) schema["enum"] = new JsonArray([.. allowed.Select(a => JsonValue.Create(a))]);
        else if (type == typeof(bool)) schema["type"] = "boolean";
        else if (type == typeof(string)) schema["type"] = "string";
        else if (type == typeof(ulong)) (schema["type"], schema["minimum"], schema["maximum"]) = ("integer", 0, ulong.MaxValue);
        else
        {
            schema["type"] = type == typeof(int) ? "integer" : "number";
            schema["minimum"] = Number(field.Range!.Minimum);
            schema["maximum"] = Number(field.Range.Maximum);
        }
        if (field.UpperEnd is not null) schema = new JsonObject { ["anyOf"] = new JsonArray(schema, new JsonObject { ["type"] = "string", ["pattern"] = @"^[0-9]+\.\.[0-9]+$" }) };
        if (field.Pattern is { } pattern) schema["pattern"] = pattern.ToString();
        if (!field.Required) schema["default"] = JsonValue.Create(Convert.ToString(field.Default, CultureInfo.InvariantCulture)) is { } text && type == typeof(string) ? text : Number(field.Default);
        return schema;
    }

    // The words of the job's fields, and those of components inside components.
    private static SortedDictionary<string, IReadOnlyList<Type>> Words(Catalog catalog)
    {
        var words = new SortedDictionary<string, IReadOnlyList<Type>>(SpecKinds.All.ToDictionary(), StringComparer.Ordinal);
        var open = new Stack<Type>(SpecKinds.All.Values.SelectMany(v => v));
        while (open.TryPop(out var kind))
            foreach (var inner in catalog.All(kind).SelectMany(c => c.Options).Select(o => o.ElementType).Where(catalog.Kinds.Contains))
                if (words.TryAdd(SpecKinds.WordOf(inner), [inner])) open.Push(inner);
        return words;
    }

    private static JsonObject Components(Catalog catalog, IReadOnlyList<Type> kinds)
    {
        var components = kinds.SelectMany(catalog.All).OrderBy(c => c.Name, StringComparer.Ordinal).ToArray();
        var properties = new JsonObject();
        foreach (var component in components) properties[component.Name] = Component(catalog, component);
        return new JsonObject
        {
            ["anyOf"] = new JsonArray(
                new JsonObject { ["enum"] = new JsonArray([.. components.Where(c => !c.Options.Any(o => o.Required)).Select(c => JsonValue.Create(c.Name))]) },
                new JsonObject { ["type"] = "object", ["properties"] = properties, ["additionalProperties"] = false, ["minProperties"] = 1, ["maxProperties"] = 1 }),
        };
    }

    private static JsonObject Component(Catalog catalog, ComponentInfo component)
    {
        var properties = new JsonObject();
        foreach (var option in component.Options) properties[option.Name] = Option(catalog, option, described: true);
        var named = new JsonObject { ["type"] = "object", ["properties"] = properties, ["additionalProperties"] = false };
        if (component.Options.Where(o => o.Required).Select(o => JsonValue.Create(o.Name)).ToArray() is { Length: > 0 } required) named["required"] = new JsonArray([.. required]);
        var ways = new JsonArray(named);
        // The short form names the first option only, so the others must have defaults.
        if (component.Options.Count > 0 && !component.Options.Skip(1).Any(o => o.Required)) ways.Add(Option(catalog, component.Options[0], described: false));
        if (!component.Options.Any(o => o.Required)) ways.Add(new JsonObject { ["type"] = "null" });
        var schema = new JsonObject();
        if (component.Doc.Length > 0) schema["description"] = component.Doc;
        schema["anyOf"] = ways;
        return schema;
    }

    private static JsonObject Option(Catalog catalog, OptionInfo option, bool described)
    {
        var one = Element(catalog, option);
        if (option.IsList) one = new JsonObject { ["type"] = "array", ["items"] = one };
        if (!option.Required && option.Default is null) one = new JsonObject { ["anyOf"] = new JsonArray(one, new JsonObject { ["type"] = "null" }) };
        if (described && option.Doc.Length > 0) one["description"] = option.Doc;
        if (described && Default(option.Default) is { } value) one["default"] = value;
        return one;
    }

    private static JsonObject Element(Catalog catalog, OptionInfo option)
    {
        var type = option.ElementType;
        if (catalog.Kinds.Contains(type)) return Reference(SpecKinds.WordOf(type));
        if (type.IsEnum) return new JsonObject { ["enum"] = new JsonArray([.. option.Choices.Select(c => JsonValue.Create(c))]) };
        if (type == typeof(bool)) return new JsonObject { ["type"] = "boolean" };
        if (type == typeof(string)) return new JsonObject { ["type"] = "string" };
        var number = new JsonObject { ["type"] = type == typeof(float) || type == typeof(double) ? "number" : "integer" };
        if (option.Minimum is { } least) number[option.MinimumIsExclusive ? "exclusiveMinimum" : "minimum"] = Number(least);
        if (option.Maximum is { } most) number[option.MaximumIsExclusive ? "exclusiveMaximum" : "maximum"] = Number(most);
        return type != typeof(Pair) ? number
            : new JsonObject { ["anyOf"] = new JsonArray(number, new JsonObject { ["type"] = "array", ["items"] = number.DeepClone(), ["minItems"] = 2, ["maxItems"] = 2 }) };
    }

    private static JsonNode? Default(object? value) => value switch
    {
        null => null,
        string text => text,
        Enum choice => char.ToLowerInvariant(choice.ToString()[0]) + choice.ToString()[1..],
        Pair pair => pair.Y == pair.X ? pair.Y : new JsonArray(pair.Y, pair.X),
        System.Collections.IEnumerable list => new JsonArray([.. list.Cast<object>().Select(Default)]),
        float single => JsonNode.Parse(single.ToString(CultureInfo.InvariantCulture)),
        bool or int or long or double => Number(value),
        _ => null,
    };

    private static JsonObject Reference(string word) => new() { ["$ref"] = $"#/$defs/{word}" };

    private static JsonNode Number(object value) => value switch
    {
        bool flag => flag,
        int whole => whole,
        long whole => whole,
        ulong whole => whole,
        double real when real == Math.Floor(real) && Math.Abs(real) < 1e15 => (long)real,
        double real => real,
        _ => JsonValue.Create(Convert.ToString(value, CultureInfo.InvariantCulture))!,
    };
}
