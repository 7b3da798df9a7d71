using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace DistTrain.Tests.Kubernetes;

/// <summary>What no schema can say: that resources which name each other mean something that is there. Each finding is a sentence.</summary>
internal sealed partial class CrossReferences(Manifests manifests, IReadOnlySet<string> externalSecretKeys)
{
    private readonly List<string> _problems = [];
    private readonly List<Workload> _workloads = [.. manifests.Workloads()];

    /// <param name="externalSecretKeys">"secret/key" of every Secret entry that the operator creates by hand.</param>
    public static IReadOnlyList<string> Problems(Manifests manifests, IReadOnlySet<string> externalSecretKeys)
    {
        var checks = new CrossReferences(manifests, externalSecretKeys);
        checks.CheckNames();
        foreach (var workload in checks._workloads) checks.CheckWorkload(workload);
        foreach (var service in manifests.Of("Service")) checks.CheckService(service);
        foreach (var budget in manifests.Of("PodDisruptionBudget")) checks.CheckSelector(budget, budget["spec"]!["selector"]);
        foreach (var policy in manifests.Of("NetworkPolicy")) checks.CheckPolicy(policy);
        return checks._problems;
    }

    private void CheckNames()
    {
        foreach (var twice in manifests.All.GroupBy(r => $"{(string?)r["apiVersion"]} {Manifests.Label(r)} in {Manifests.Namespace(r) ?? "no namespace"}", StringComparer.Ordinal).Where(g => g.Count() > 1))
            Add(twice.First(), $"stands {twice.Count()} times.");
        foreach (var resource in manifests.All)
        {
            var name = (string?)resource["metadata"]?["name"] ?? "";
            if (name.Length is 0 or > 63 || !DnsLabel().IsMatch(name)) Add(resource, "has a name that is no DNS label of at most 63 characters.");
            if ((string?)resource["kind"] != "Namespace" && !manifests.Of("Namespace").Any(n => (string?)n["metadata"]!["name"] == Manifests.Namespace(resource)))
                Add(resource, $"is in the namespace {Manifests.Namespace(resource) ?? "(none)"}, which is not among the manifests.");
        }
    }

    private void CheckWorkload(Workload workload)
    {
        var (resource, pod) = (workload.Resource, workload.Pod);
        if (resource["spec"]!["selector"] is { } selector && (IsEmpty(selector) || !Manifests.Selects(selector, workload.PodLabels)))
            Add(resource, "has a selector that does not pick its own pods. matchLabels must be among the template's labels.");
        foreach (var other in _workloads.Where(w => w != workload))
            if (resource["spec"]!["selector"] is { } mine && !IsEmpty(mine) && Manifests.Namespace(other.Resource) == Manifests.Namespace(resource) && Manifests.Selects(mine, other.PodLabels))
                Add(resource, $"has a selector that also picks the pods of {other.Label}.");
        if ((string?)resource["spec"]!["serviceName"] is { } serviceName)
        {
            var service = Find("Service", serviceName, resource);
            if (service is null) Add(resource, $"names the service {serviceName}, which is not there.");
            else if ((string?)service["spec"]!["clusterIP"] != "None") Add(resource, $"names the service {serviceName}, which is not headless (clusterIP: None).");
        }
        if ((string?)pod["serviceAccountName"] is { } account && Find("ServiceAccount", account, resource) is null) Add(resource, $"runs as the service account {account}, which is not there.");
        foreach (var spread in pod["topologySpreadConstraints"] as JsonArray ?? [])
            if (IsEmpty(spread!["labelSelector"]) || !Manifests.Selects(spread["labelSelector"], workload.PodLabels)) Add(resource, "spreads pods by a selector that does not pick its own pods.");
        var claims = (resource["spec"]!["volumeClaimTemplates"] as JsonArray ?? []).Select(c => (string?)c!["metadata"]!["name"]);
        var volumes = (pod["volumes"] as JsonArray ?? []).Select(v => v!.AsObject()).ToList();
        foreach (var volume in volumes) CheckVolume(resource, volume);
        foreach (var container in workload.Containers()) CheckContainer(workload, container, [.. volumes.Select(v => (string?)v["name"]), .. claims]);
        var mounted = workload.Containers().SelectMany(c => c["volumeMounts"] as JsonArray ?? []).Select(m => (string?)m!["name"]).ToHashSet();
        foreach (var idle in volumes.Where(v => !mounted.Contains((string?)v["name"]))) Add(resource, $"has the volume {(string?)idle["name"]}, which no container mounts.");
    }

    private void CheckVolume(JsonObject resource, JsonObject volume)
    {
        if ((string?)volume["persistentVolumeClaim"]?["claimName"] is { } claim && Find("PersistentVolumeClaim", claim, resource) is null) Add(resource, $"mounts the claim {claim}, which is not there.");
        if (volume["configMap"] is { } map) CheckKeys(resource, "ConfigMap", (string)map["name"]!, map["items"]);
        if (volume["secret"] is { } secret) CheckKeys(resource, "Secret", (string)secret["secretName"]!, secret["items"]);
        foreach (var source in volume["projected"]?["sources"] as JsonArray ?? [])
        {
            if (source!["configMap"] is { } projectedMap) CheckKeys(resource, "ConfigMap", (string)projectedMap["name"]!, projectedMap["items"]);
            if (source["secret"] is { } projectedSecret) CheckKeys(resource, "Secret", (string)projectedSecret["name"]!, projectedSecret["items"]);
        }
    }

    private void CheckContainer(Workload workload, JsonObject container, IReadOnlyCollection<string?> volumes)
    {
        var (resource, name) = (workload.Resource, (string?)container["name"]);
        foreach (var mount in container["volumeMounts"] as JsonArray ?? [])
            if (!volumes.Contains((string?)mount!["name"])) Add(resource, $"mounts {(string?)mount["name"]} into {name}, and has no such volume.");
        foreach (var source in container["envFrom"] as JsonArray ?? [])
        {
            if ((string?)source!["configMapRef"]?["name"] is { } map) CheckKey(resource, "ConfigMap", map, null);
            if ((string?)source["secretRef"]?["name"] is { } secret) CheckKey(resource, "Secret", secret, null);
        }
        foreach (var variable in container["env"] as JsonArray ?? [])
        {
            if (variable!["valueFrom"]?["configMapKeyRef"] is { } map) CheckKey(resource, "ConfigMap", (string)map["name"]!, (string)map["key"]!);
            if (variable["valueFrom"]?["secretKeyRef"] is { } secret) CheckKey(resource, "Secret", (string)secret["name"]!, (string)secret["key"]!);
        }
        var ports = (container["ports"] as JsonArray ?? []).Select(p => p!.AsObject()).ToList();
        var probes = from hook in new[] { "startupProbe", "livenessProbe", "readinessProbe" }
                     from action in new[] { "httpGet", "tcpSocket", "grpc" }
                     where container[hook]?[action] is not null
                     select (hook, Port: container[hook]![action]!["port"]);
        foreach (var (hook, port) in probes)
            if (!workload.Listens(port, ports)) Add(resource, $"has a {hook} on port {port?.ToJsonString()} of {name}, which {name} does not declare.");
    }

    private void CheckKeys(JsonObject resource, string kind, string name, JsonNode? items)
    {
        CheckKey(resource, kind, name, null);
        foreach (var item in items as JsonArray ?? []) CheckKey(resource, kind, name, (string)item!["key"]!);
    }

    private void CheckKey(JsonObject resource, string kind, string name, string? key)
    {
        var found = Find(kind, name, resource);
        var keys = found is not null
            ? new[] { "data", "stringData", "binaryData" }.SelectMany(part => found[part] as JsonObject ?? []).Select(entry => entry.Key).ToList()
            : kind == "Secret" ? [.. externalSecretKeys.Where(k => k.StartsWith(name + "/", StringComparison.Ordinal)).Select(k => k[(name.Length + 1)..])] : [];
        if (keys.Count == 0) Add(resource, $"refers to the {kind} {name}, which is neither among the manifests nor documented as made by hand.");
        else if (key is not null && !keys.Contains(key)) Add(resource, $"refers to {key} of the {kind} {name}, which has {string.Join(", ", keys)} only.");
    }

    private void CheckService(JsonObject service)
    {
        var selector = service["spec"]!["selector"] as JsonObject;
        var picked = _workloads.Where(w => selector is { Count: > 0 } && Manifests.Namespace(w.Resource) == Manifests.Namespace(service) && selector.All(l => (string?)w.PodLabels?[l.Key] == (string?)l.Value)).ToList();
        if (picked.Count == 0) Add(service, "has a selector that picks no pods.");
        foreach (var workload in picked)
            foreach (var port in service["spec"]!["ports"] as JsonArray ?? [])
                if (!workload.Listens(port!["targetPort"] ?? port["port"])) Add(service, $"sends {port["port"]} to port {(port["targetPort"] ?? port["port"])!.ToJsonString()}, which {workload.Label} does not declare.");
    }

    private void CheckPolicy(JsonObject policy)
    {
        var spec = policy["spec"]!;
        if (!IsEmpty(spec["podSelector"])) CheckSelector(policy, spec["podSelector"]);
        var guarded = Picked(policy, spec["podSelector"]).ToList();
        foreach (var rule in spec["ingress"] as JsonArray ?? [])
        {
            CheckPeers(policy, rule!["from"]);
            foreach (var port in rule["ports"] as JsonArray ?? [])
                if (guarded.Count > 0 && !guarded.Any(w => w.Listens(port!["port"]))) Add(policy, $"admits port {port!["port"]?.ToJsonString()}, which none of its pods declares.");
        }
        foreach (var rule in spec["egress"] as JsonArray ?? [])
        {
            CheckPeers(policy, rule!["to"]);
            var peers = (rule["to"] as JsonArray ?? []).Where(p => p!["namespaceSelector"] is null && p["ipBlock"] is null).SelectMany(p => Picked(policy, p!["podSelector"])).ToList();
            foreach (var port in rule["ports"] as JsonArray ?? [])
                if (peers.Count > 0 && !peers.Any(w => w.Listens(port!["port"]))) Add(policy, $"lets pods out to port {port!["port"]?.ToJsonString()}, which none of the pods there declares.");
        }
    }

    private void CheckPeers(JsonObject policy, JsonNode? peers)
    {
        // A peer in another namespace is not ours to check.
        foreach (var peer in peers as JsonArray ?? [])
            if (peer!["podSelector"] is { } selector && peer["namespaceSelector"] is null && !IsEmpty(selector)) CheckSelector(policy, selector);
    }

    private void CheckSelector(JsonObject resource, JsonNode? selector)
    {
        if (IsEmpty(selector) || !Picked(resource, selector).Any()) Add(resource, $"has the selector {selector?.ToJsonString() ?? "(none)"}, which picks no pods.");
    }

    private IEnumerable<Workload> Picked(JsonObject resource, JsonNode? selector) => _workloads.Where(w => Manifests.Namespace(w.Resource) == Manifests.Namespace(resource) && Manifests.Selects(selector, w.PodLabels));

    private JsonObject? Find(string kind, string name, JsonObject near) => manifests.Of(kind).FirstOrDefault(r => (string?)r["metadata"]!["name"] == name && Manifests.Namespace(r) == Manifests.Namespace(near));

    private static bool IsEmpty(JsonNode? selector) => (selector?["matchLabels"] as JsonObject)?.Count is null or 0 && (selector?["matchExpressions"] as JsonArray)?.Count is null or 0;

    private void Add(JsonObject resource, string problem) => _problems.Add($"{Manifests.Label(resource)} {problem}");

    [GeneratedRegex("^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$")]
    private static partial Regex DnsLabel();
}
