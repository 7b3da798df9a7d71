using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace DistTrain.Tests.Kubernetes;

/// <summary>What the API server refuses although the schema allows it: label syntax, requests above limits, a path mounted twice, ports and names out of range.</summary>
internal sealed partial class ServerRules
{
    private readonly List<string> _problems = [];

    public static IReadOnlyList<string> Problems(Manifests manifests)
    {
        var rules = new ServerRules();
        foreach (var resource in manifests.All) rules.CheckLabels(Manifests.Label(resource), resource["metadata"]?["labels"]);
        foreach (var workload in manifests.Workloads())
        {
            rules.CheckLabels(workload.Label, workload.PodLabels);
            rules.CheckPorts(workload);
            foreach (var container in workload.Containers()) rules.CheckContainer(workload.Label, container);
            if ((string?)workload.Pod["restartPolicy"] is { } restart && restart != "Always" && (string?)workload.Resource["kind"] is "Deployment" or "StatefulSet") rules.Add(workload.Label, $"has restartPolicy {restart}. It must be Always.");
        }
        foreach (var budget in manifests.Of("PodDisruptionBudget"))
            if (budget["spec"]!["maxUnavailable"] is not null == budget["spec"]!["minAvailable"] is not null) rules.Add(Manifests.Label(budget), "must set either maxUnavailable or minAvailable.");
        return rules._problems;
    }

    private void CheckLabels(string owner, JsonNode? labels)
    {
        foreach (var (key, value) in labels as JsonObject ?? [])
        {
            if (!LabelKey().IsMatch(key)) Add(owner, $"has the label {key}, which is no label's name.");
            if ((string?)value is not { Length: <= 63 } text || !LabelValue().IsMatch(text)) Add(owner, $"has the label {key}={value}, which is no label's value.");
        }
    }

    private void CheckPorts(Workload workload)
    {
        foreach (var port in workload.Ports())
        {
            if ((string?)port["name"] is not { Length: <= 15 } name || !PortName().IsMatch(name)) Add(workload.Label, $"has a port {(string?)port["name"] ?? "without a name"}. A port's name is 1-15 lower-case letters, digits and dashes, with a letter.");
            if (long.Parse(port["containerPort"]!.ToJsonString(), CultureInfo.InvariantCulture) is < 1024 or > 65535) Add(workload.Label, $"listens on {port["containerPort"]}. Without privileges it must be 1024-65535.");
        }
        foreach (var twice in workload.Ports().GroupBy(p => p["containerPort"]!.ToJsonString()).Where(g => g.Count() > 1)) Add(workload.Label, $"declares port {twice.Key} twice.");
        foreach (var twice in workload.Containers().GroupBy(c => (string?)c["name"]).Where(g => g.Count() > 1)) Add(workload.Label, $"has two containers {twice.Key}.");
    }

    private void CheckContainer(string owner, JsonObject container)
    {
        foreach (var twice in (container["volumeMounts"] as JsonArray ?? []).GroupBy(m => (string)m!["mountPath"]!).Where(g => g.Count() > 1)) Add(owner, $"mounts {twice.Key} twice.");
        foreach (var variable in container["env"] as JsonArray ?? [])
            if (variable!["value"] is not null && variable["valueFrom"] is not null) Add(owner, $"gives {variable["name"]} a value twice.");
        var (requests, limits) = (container["resources"]?["requests"] as JsonObject ?? [], container["resources"]?["limits"] as JsonObject ?? []);
        foreach (var (resource, limit) in limits)
        {
            if (requests[resource] is { } request && Amount(request) > Amount(limit!)) Add(owner, $"requests {request} {resource}, more than its limit of {limit}.");
            // Extended resources come whole and are never overcommitted.
            if (resource.Contains('/') && (Amount(limit!) != decimal.Truncate(Amount(limit!)) || (requests[resource] is { } asked && Amount(asked) != Amount(limit!)))) Add(owner, $"asks for {limit} {resource}. It must be a whole number, and the same in requests.");
        }
        foreach (var name in requests.Select(r => r.Key).Where(r => r.Contains('/') && !limits.ContainsKey(r))) Add(owner, $"requests {name} without a limit. It must be in limits.");
    }

    /// <summary>A quantity as a number: 500m is 0.5, 4Gi is 4 x 2^30.</summary>
    internal static decimal Amount(JsonNode quantity)
    {
        var text = quantity.ToJsonString().Trim('"');
        var digits = text.TakeWhile(c => char.IsAsciiDigit(c) || c is '.' or '-' or '+').Count();
        var unit = text[digits..] switch
        {
            "" => 1m, "m" => 0.001m, "k" => 1e3m, "M" => 1e6m, "G" => 1e9m, "T" => 1e12m,
            "Ki" => 1L << 10, "Mi" => 1L << 20, "Gi" => 1L << 30, "Ti" => 1L << 40,
            var other => throw new FormatException($"{text} ends with {other}, which is no unit that is read here."),
        };
        return decimal.Parse(text[..digits], CultureInfo.InvariantCulture) * unit;
    }

    private void Add(string owner, string problem) => _problems.Add($"{owner} {problem}");

    [GeneratedRegex("^(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$")]
    private static partial Regex LabelKey();

    [GeneratedRegex("^(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?$")]
    private static partial Regex LabelValue();

    [GeneratedRegex("^(?=.*[a-z])[a-z0-9](?:-?[a-z0-9])*$")]
    private static partial Regex PortName();
}
