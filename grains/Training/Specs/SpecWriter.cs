using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using DistTrain.Contracts;

namespace DistTrain.Training.Specs;

/// <summary>A job spec as a job file: every field written out, in the order of the records; what is written reads back as the same spec.</summary>
public static class SpecWriter
{
    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static JsonObject ToJson(JobSpec spec)
    {
        var root = new JsonObject { ["apiVersion"] = JobSpec.ApiVersion, ["kind"] = JobSpec.Kind };
        foreach (var field in SpecFields.All)
        {
            var names = field.Path.Split('.');
            var group = root;
            foreach (var name in names[..^1]) group = (JsonObject)(group[name] ??= new JsonObject());
            group[names[^1]] = Value(field, spec);
        }
        return root;
    }

    public static string ToYaml(JobSpec spec)
    {
        var text = new StringBuilder();
        Write((JsonObject)ToJson(spec), 0);
        return text.ToString();

        void Write(JsonObject mapping, int depth)
        {
            foreach (var (name, value) in mapping)
            {
                text.Append(' ', 2 * depth).Append(name).Append(':');
                // Groups are blocks; components and their options stay on the line.
                if (value is JsonObject { Count: > 0 } group && SpecFields.All.Any(f => f.Path.StartsWith(group.GetPath()[2..] + '.', StringComparison.Ordinal)))
                {
                    text.Append('\n');
                    Write(group, depth + 1);
                }
                else if (value is JsonArray { Count: > 0 } list)
                {
                    text.Append('\n');
                    foreach (var item in list) text.Append(' ', 2 * depth + 2).Append("- ").Append(Flow(item)).Append('\n');
                }
                else
                {
                    text.Append(' ').Append(Flow(value)).Append('\n');
                }
            }
        }
    }

    private static string Flow(JsonNode? node) => node switch
    {
        null => "null",
        JsonObject mapping => mapping.Count == 0 ? "{}" : $"{{ {string.Join(", ", mapping.Select(m => $"{Text(m.Key)}: {Flow(m.Value)}"))} }}",
        JsonArray list => $"[{string.Join(", ", list.Select(Flow))}]",
        JsonValue value when value.GetValueKind() is JsonValueKind.String => Text(value.GetValue<string>()),
        _ => node.ToJsonString(),
    };

    /// <summary>Plain where that reads back as text, else in double quotes, whose escapes YAML shares with JSON.</summary>
    private static string Text(string text) =>
        text.Length > 0 && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.' or '/') && text[0] != '-' && ScalarSyntax.KindOf(text) is ScalarKind.Text
            ? text : JsonSerializer.Serialize(text, Plain);

    private static JsonNode? Value(SpecField field, JobSpec spec) => field.Get(spec) switch
    {
        ComponentSpec component => Component(component),
        IReadOnlyList<ComponentSpec> { Count: 1 } single => Component(single[0]),
        IReadOnlyList<ComponentSpec> components => new JsonArray([.. components.Select(Component)]),
        int lower when UpperEnd(field, spec) is > 0 and var upper => $"{lower}..{upper}",
        int whole => whole,
        ulong whole => whole,
        double number => number,
        bool flag => flag,
        string text => text,
        var other => throw new InvalidOperationException($"{field.Path} has a type that job files do not know: {other?.GetType().Name}."),
    };

    private static int UpperEnd(SpecField field, JobSpec spec) => field.UpperEnd is null ? 0 : (int)field.UpperEnd.GetValue(field.Section!.GetValue(spec))!;

    private static JsonNode Component(ComponentSpec component) => component.Options switch
    {
        null => component.Name,
        { Count: 1 } positional when positional.ContainsKey("") => new JsonObject { [component.Name] = positional[""]?.DeepClone() },
        var options => new JsonObject { [component.Name] = options.DeepClone() },
    };
}
