using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace DistTrain.Tests.Kubernetes;

/// <summary>
/// Holds a manifest against its schema as the API server does with fieldValidation=Strict: unknown fields, wrong types, missing required fields,
/// number ranges, formats, repeated keys of a keyed list. Beyond the server's schema, whose texts alone say it: the words that a field may hold.
/// </summary>
internal sealed partial class SchemaWalk
{
    private const string Pointer = "#/components/schemas/";

    // The published documents describe these in prose only.
    private static readonly Dictionary<string, string[]> Words = new(StringComparer.Ordinal)
    {
        ["Container.imagePullPolicy"] = ["Always", "IfNotPresent", "Never"],
        ["ContainerPort.protocol"] = ["TCP", "UDP", "SCTP"],
        ["DeploymentStrategy.type"] = ["RollingUpdate", "Recreate"],
        ["HTTPGetAction.scheme"] = ["HTTP", "HTTPS"],
        ["NetworkPolicyPort.protocol"] = ["TCP", "UDP", "SCTP"],
        ["NodeSelectorRequirement.operator"] = ["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"],
        ["PersistentVolumeClaimSpec.volumeMode"] = ["Filesystem", "Block"],
        ["PodDisruptionBudgetSpec.unhealthyPodEvictionPolicy"] = ["AlwaysAllow", "IfHealthyBudget"],
        ["PodSecurityContext.fsGroupChangePolicy"] = ["OnRootMismatch", "Always"],
        ["PodSpec.dnsPolicy"] = ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"],
        ["PodSpec.restartPolicy"] = ["Always", "OnFailure", "Never"],
        ["SeccompProfile.type"] = ["RuntimeDefault", "Localhost", "Unconfined"],
        ["ServicePort.protocol"] = ["TCP", "UDP", "SCTP"],
        ["ServiceSpec.type"] = ["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"],
        ["StatefulSetSpec.podManagementPolicy"] = ["OrderedReady", "Parallel"],
        ["StatefulSetUpdateStrategy.type"] = ["RollingUpdate", "OnDelete"],
        ["Toleration.effect"] = ["NoSchedule", "PreferNoSchedule", "NoExecute"],
        ["Toleration.operator"] = ["Exists", "Equal"],
        ["TopologySpreadConstraint.whenUnsatisfiable"] = ["DoNotSchedule", "ScheduleAnyway"],
    };

    // Fields whose list holds such words.
    private static readonly Dictionary<string, string[]> ListWords = new(StringComparer.Ordinal)
    {
        ["NetworkPolicySpec.policyTypes"] = ["Ingress", "Egress"],
        ["PersistentVolumeClaimSpec.accessModes"] = ["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"],
    };

    private readonly KubernetesSchemas _schemas;
    private readonly List<string> _problems = [];

    private SchemaWalk(KubernetesSchemas schemas) => _schemas = schemas;

    /// <summary>Every problem of one manifest, each with its path; empty where it is valid.</summary>
    public static IReadOnlyList<string> Problems(JsonObject manifest, KubernetesSchemas schemas)
    {
        var (apiVersion, kind) = (Text(manifest["apiVersion"]), Text(manifest["kind"]));
        if (apiVersion is null || kind is null) return ["apiVersion and kind must both be set to texts."];
        if (schemas.NameOf(apiVersion, kind) is not { } name) return [$"{kind} is not a kind of {apiVersion} in this version."];
        var walk = new SchemaWalk(schemas);
        walk.Walk(manifest, schemas.Named(name), Short(name), $"{kind}/{Text(manifest["metadata"]?["name"]) ?? "?"}");
        return walk._problems;
    }

    private void Walk(JsonNode? value, JsonObject schema, string type, string path)
    {
        // Where a field has a text of its own, the reference stands alone in an allOf.
        while (schema["$ref"] is not null || schema["allOf"] is JsonArray { Count: 1 })
        {
            var reference = (string)(schema["$ref"] ?? schema["allOf"]![0]!["$ref"])!;
            type = Short(reference[Pointer.Length..]);
            schema = _schemas.Named(reference[Pointer.Length..]);
        }
        if (schema["allOf"] is not null || schema["anyOf"] is not null) throw new JsonException($"{type} combines schemas in a way that is not read here.");
        if (value is null)
        {
            Add(path, "is empty. Give it a value or remove it; {} is an empty mapping.");
            return;
        }
        if (type == "Quantity") CheckQuantity(value, path);
        else if (type == "IntOrString") CheckIntOrString(value, path);
        else if (schema["oneOf"] is not null) throw new JsonException($"{type} offers a choice that is not read here.");
        else if ((string?)schema["type"] is { } name) WalkTyped(value, schema, name, type, path);
        else if (schema["properties"] is not null) WalkObject(value, schema, type, path);
    }

    private void WalkTyped(JsonNode value, JsonObject schema, string name, string type, string path)
    {
        switch (name)
        {
            case "object": WalkObject(value, schema, type, path); break;
            case "array": WalkList(value, schema, type, path); break;
            case "string": CheckText(value, schema, type, path); break;
            case "boolean":
                if (value.GetValueKind() is not (JsonValueKind.True or JsonValueKind.False)) Add(path, $"is {Shown(value)}. It must be true or false.");
                break;
            case "integer": CheckWhole(value, (string?)schema["format"], path); break;
            case "number":
                if (value.GetValueKind() is not JsonValueKind.Number) Add(path, $"is {Shown(value)}. It must be a number.");
                break;
            default: throw new JsonException($"{type} has the type {name}, which is not read here.");
        }
    }

    private void WalkObject(JsonNode value, JsonObject schema, string type, string path)
    {
        if (value is not JsonObject mapping)
        {
            Add(path, $"is {Shown(value)}. It must be a mapping ({type}).");
            return;
        }
        foreach (var required in schema["required"]?.AsArray() ?? [])
            if (!mapping.ContainsKey((string)required!)) Add(path, $"has no {(string)required!}. {type} requires it.");
        var properties = schema["properties"] as JsonObject;
        var additional = schema["additionalProperties"] as JsonObject;
        var free = properties is null && additional is null;
        foreach (var (key, item) in mapping)
        {
            if (properties?[key] is JsonObject known) Walk(item, known, $"{type}.{key}", $"{path}.{key}");
            else if (additional is not null) Walk(item, additional, $"{type}.*", $"{path}[{key}]");
            else if (!free) Add($"{path}.{key}", $"is not a field of {type}.{Nearest(key, properties!)}");
        }
    }

    private void WalkList(JsonNode value, JsonObject schema, string type, string path)
    {
        if (value is not JsonArray list)
        {
            Add(path, $"is {Shown(value)}. It must be a list.");
            return;
        }
        for (var i = 0; i < list.Count; i++)
        {
            Walk(list[i], schema["items"]!.AsObject(), $"{type}[]", $"{path}[{i}]");
            if (ListWords.TryGetValue(type, out var words) && !words.Contains(Text(list[i]))) Add($"{path}[{i}]", $"is {Shown(list[i]!)}. It must be one of {string.Join(", ", words)}.");
        }
        var keys = (string?)schema["x-kubernetes-list-type"] switch
        {
            "set" => list.Select(item => item?.ToJsonString()),
            "map" => list.Select(item => string.Join(", ", schema["x-kubernetes-list-map-keys"]!.AsArray().Select(k => $"{k}: {item?[(string)k!]?.ToJsonString() ?? DefaultOf((string)k!)}"))),
            _ => [],
        };
        foreach (var twice in keys.GroupBy(k => k, StringComparer.Ordinal).Where(g => g.Count() > 1)) Add(path, $"has {twice.Key} {twice.Count()} times. It must be there once.");
    }

    private void CheckText(JsonNode value, JsonObject schema, string type, string path)
    {
        if (Text(value) is not { } text)
        {
            Add(path, $"is {Shown(value)}. It must be a text; quote it.");
            return;
        }
        if (Words.TryGetValue(type, out var words) && !words.Contains(text)) Add(path, $"is {Shown(value)}. It must be one of {string.Join(", ", words)}.");
        if (schema["enum"] is JsonArray named && !named.Any(n => (string?)n == text)) Add(path, $"is {Shown(value)}. It must be one of {string.Join(", ", named.Select(n => (string?)n))}.");
        var fits = (string?)schema["format"] switch
        {
            "byte" => Convert.TryFromBase64String(text, new byte[text.Length], out _),
            "date-time" => DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind, out _),
            _ => true,
        };
        if (!fits) Add(path, $"is {Shown(value)}. It must have the format {(string?)schema["format"]}.");
    }

    private void CheckWhole(JsonNode value, string? format, string path)
    {
        var whole = value.GetValueKind() is JsonValueKind.Number && value.AsValue().TryGetValue<long>(out var number) && (format != "int32" || number is >= int.MinValue and <= int.MaxValue);
        if (!whole) Add(path, $"is {Shown(value)}. It must be a whole number{(format is null ? "" : $" ({format})")}.");
    }

    private void CheckIntOrString(JsonNode value, string path)
    {
        if (Text(value) is null) CheckWhole(value, "int32", path);
    }

    private void CheckQuantity(JsonNode value, string path)
    {
        if (!(value.GetValueKind() is JsonValueKind.Number || (Text(value) is { } text && Quantity().IsMatch(text)))) Add(path, $"is {Shown(value)}. It must be a quantity such as 500m, 2 or 4Gi.");
    }

    private void Add(string path, string problem) => _problems.Add($"{path} {problem}");

    private static string DefaultOf(string key) => key == "protocol" ? "\"TCP\"" : "";

    private static string Nearest(string key, JsonObject properties) =>
        properties.Select(p => p.Key).FirstOrDefault(known => known.Equals(key, StringComparison.OrdinalIgnoreCase) || known.StartsWith(key, StringComparison.OrdinalIgnoreCase) || key.StartsWith(known, StringComparison.OrdinalIgnoreCase)) is { } near ? $" Did you mean {near}?" : "";

    private static string Short(string name) => name[(name.LastIndexOf('.') + 1)..];

    private static string Shown(JsonNode value) => value.ToJsonString() is { Length: > 60 } text ? text[..60] + "..." : value.ToJsonString();

    private static string? Text(JsonNode? value) => value is JsonValue scalar && scalar.TryGetValue<string>(out var text) ? text : null;

    [GeneratedRegex("^[+-]?[0-9]+(?:[.][0-9]{1,3})?(?:Ki|Mi|Gi|Ti|Pi|Ei|m|k|M|G|T|P|E|[eE][+-]?[0-9]+)?$")]
    private static partial Regex Quantity();
}
