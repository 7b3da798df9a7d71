using System.Text.Json.Nodes;

namespace DistTrain.Tests.Kubernetes;

/// <summary>The resources of one overlay, as they would be applied, with the questions that the checks ask of them.</summary>
internal sealed class Manifests(IReadOnlyList<JsonObject> resources)
{
    public IReadOnlyList<JsonObject> All { get; } = resources;

    public static Manifests Read(string yaml, string source) => new(ManifestYaml.Read(yaml, source));

    public IEnumerable<JsonObject> Of(string kind) => All.Where(r => (string?)r["kind"] == kind);

    /// <summary>Everything that makes pods, with its pod template.</summary>
    public IEnumerable<Workload> Workloads() =>
        from resource in All
        let template = (string?)resource["kind"] switch
        {
            "Pod" => resource,
            "Deployment" or "StatefulSet" or "DaemonSet" or "Job" => resource["spec"]!["template"]!.AsObject(),
            "CronJob" => resource["spec"]!["jobTemplate"]!["spec"]!["template"]!.AsObject(),
            _ => null,
        }
        where template is not null
        select new Workload(resource, template);

    public static string Label(JsonObject resource) => $"{(string?)resource["kind"]}/{(string?)resource["metadata"]?["name"]}";

    public static string? Namespace(JsonObject resource) => (string?)resource["metadata"]?["namespace"];

    /// <summary>Whether a label selector picks these labels. An empty selector picks everything, as in the API.</summary>
    public static bool Selects(JsonNode? selector, JsonNode? labels)
    {
        foreach (var (key, value) in selector?["matchLabels"] as JsonObject ?? [])
            if ((string?)labels?[key] != (string?)value) return false;
        foreach (var item in selector?["matchExpressions"] as JsonArray ?? [])
        {
            var expression = item!.AsObject();
            var (label, values) = ((string?)labels?[(string)expression["key"]!], (expression["values"] as JsonArray ?? []).Select(v => (string?)v).ToList());
            var holds = (string)expression!["operator"]! switch
            {
                "In" => label is not null && values.Contains(label),
                "NotIn" => label is null || !values.Contains(label),
                "Exists" => label is not null,
                "DoesNotExist" => label is null,
                var other => throw new FormatException($"{other} is no operator of a label selector."),
            };
            if (!holds) return false;
        }
        return true;
    }
}

/// <summary>A resource that makes pods.</summary>
internal sealed record Workload(JsonObject Resource, JsonObject Template)
{
    public string Label => Manifests.Label(Resource);

    public JsonNode? PodLabels => Template["metadata"]?["labels"];

    public JsonObject Pod => Template["spec"]!.AsObject();

    public IEnumerable<JsonObject> Containers() => new[] { "initContainers", "containers" }.SelectMany(list => Pod[list] as JsonArray ?? []).Select(c => c!.AsObject());

    public IEnumerable<JsonObject> Ports() => Containers().SelectMany(c => c["ports"] as JsonArray ?? []).Select(p => p!.AsObject());

    /// <summary>Whether a port, by name or by number, is one that a container of the pod declares.</summary>
    public bool Listens(JsonNode? port, IEnumerable<JsonObject>? ports = null) =>
        port is not null && (ports ?? Ports()).Any(p => p["name"]?.ToJsonString() == port.ToJsonString() || p["containerPort"]!.ToJsonString() == port.ToJsonString());
}
