using System.Reflection;
using System.Text.Json.Nodes;
using DistTrain.Contracts;

namespace DistTrain.Client;

/// <summary>A <see cref="JobSpec"/> as the text of a job file (JSON): what differs from the defaults, at the paths that [SpecField] names.</summary>
internal static class SpecText
{
    public static string Of(JobSpec spec)
    {
        var root = new JsonObject { ["apiVersion"] = JobSpec.ApiVersion, ["kind"] = JobSpec.Kind };
        Write(root, "", spec, new JobSpec());
        return root.ToJsonString();
    }

    private static void Write(JsonObject root, string path, object section, object defaults)
    {
        foreach (var property in section.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance))
        {
            if (property.GetCustomAttribute<SpecFieldAttribute>() is not { Path.Length: > 0 } field) continue;
            var at = path.Length == 0 ? field.Path : $"{path}.{field.Path}";
            var (value, usual) = (property.GetValue(section)!, property.GetValue(defaults)!);
            if (value is DataSpec or InitSpec or TrainingSpec or ClusterSpec or CheckpointSpec or DiagnosisSpec)
            {
                Write(root, at, value, usual);
                continue;
            }
            var node = Value(value);
            if (field.UpperEnd is { } upper && section.GetType().GetProperty(upper)!.GetValue(section) is int and > 0 and var end) node = $"{value}..{end}";
            else if (!field.Required && JsonNode.DeepEquals(node, Value(usual))) continue;
            Set(root, at.Split('.'), node);
        }
    }

    private static void Set(JsonObject at, string[] names, JsonNode value)
    {
        foreach (var name in names[..^1]) at = (JsonObject)(at[name] ??= new JsonObject());
        at[names[^1]] = value;
    }

    private static JsonNode Value(object value) => value switch
    {
        ComponentSpec component => Component(component),
        IReadOnlyList<ComponentSpec> { Count: 1 } single => Component(single[0]),
        IReadOnlyList<ComponentSpec> layers => new JsonArray([.. layers.Select(Component)]),
        int number => number,
        ulong number => number,
        double number => number,
        bool flag => flag,
        string text => text,
        _ => throw new NotSupportedException($"a job spec holds no {value.GetType().Name}."),
    };

    private static JsonNode Component(ComponentSpec component) => component.Options switch
    {
        null => component.Name,
        { Count: 1 } single when single.ContainsKey("") => new JsonObject { [component.Name] = single[""]?.DeepClone() },
        var options => new JsonObject { [component.Name] = options.DeepClone() },
    };
}
