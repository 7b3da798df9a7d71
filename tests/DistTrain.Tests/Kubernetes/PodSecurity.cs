using System.Text.Json.Nodes;

namespace DistTrain.Tests.Kubernetes;

/// <summary>
/// The Pod Security Standard "restricted" (kubernetes.io, Pod Security Standards, v1.33), and what this project asks beyond it: a read-only root,
/// no token of the service account, an image of one version, requests, a memory limit, and probes where the pod is there to stay.
/// </summary>
internal static class PodSecurity
{
    private static readonly string[] AllowedVolumes = ["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"];

    public static IReadOnlyList<string> Problems(Workload workload)
    {
        var problems = new List<string>();
        var pod = workload.Pod;
        void Require(bool holds, string what)
        {
            if (!holds) problems.Add($"{workload.Label}: {what}");
        }

        foreach (var host in new[] { "hostNetwork", "hostPID", "hostIPC" }) Require(!IsTrue(pod[host]), $"{host} must not be set.");
        foreach (var volume in pod["volumes"] as JsonArray ?? [])
            foreach (var (kind, _) in volume!.AsObject().Where(v => v.Key != "name"))
                Require(AllowedVolumes.Contains(kind), $"the volume {volume["name"]} is a {kind}. It must be one of {string.Join(", ", AllowedVolumes)}.");
        Require(pod["automountServiceAccountToken"]?.ToJsonString() == "false", "automountServiceAccountToken must be false: nothing here asks the API server.");
        Require(pod["serviceAccountName"] is not null, "serviceAccountName must be set.");
        foreach (var container in workload.Containers()) CheckContainer(container, pod["securityContext"], (string?)pod["restartPolicy"] is not "Never", Require);
        return problems;
    }

    private static void CheckContainer(JsonObject container, JsonNode? podSecurity, bool stays, Action<bool, string> require)
    {
        var (name, security) = ((string?)container["name"], container["securityContext"]);
        JsonNode? Inherited(string field) => security?[field] ?? podSecurity?[field];

        require(IsTrue(Inherited("runAsNonRoot")), $"{name}: runAsNonRoot must be true.");
        require(Inherited("runAsUser") is { } user && user.ToJsonString() != "0", $"{name}: runAsUser must be set, and not to 0: a kubelet refuses runAsNonRoot where it cannot tell the image's user.");
        require((string?)Inherited("seccompProfile")?["type"] is "RuntimeDefault" or "Localhost", $"{name}: seccompProfile.type must be RuntimeDefault.");
        require(security?["allowPrivilegeEscalation"]?.ToJsonString() == "false", $"{name}: allowPrivilegeEscalation must be false.");
        require(!IsTrue(security?["privileged"]), $"{name}: privileged must not be set.");
        require((security?["capabilities"]?["drop"] as JsonArray ?? []).Any(c => (string?)c == "ALL"), $"{name}: capabilities.drop must hold ALL.");
        require((security?["capabilities"]?["add"] as JsonArray ?? []).All(c => (string?)c == "NET_BIND_SERVICE"), $"{name}: no capability may be added.");
        require(security?["procMount"] is null && security?["seLinuxOptions"] is null, $"{name}: procMount and seLinuxOptions must not be set.");
        require((container["ports"] as JsonArray ?? []).All(p => p!["hostPort"] is null), $"{name}: hostPort must not be set.");

        require(IsTrue(security?["readOnlyRootFilesystem"]), $"{name}: readOnlyRootFilesystem must be true; mount an emptyDir where files are written.");
        var image = (string?)container["image"] ?? "";
        require(image.Contains("@sha256:", StringComparison.Ordinal) || (image.LastIndexOf(':') > image.LastIndexOf('/') && !image.EndsWith(":latest", StringComparison.Ordinal)), $"{name}: the image is {image}. It must name a version other than latest, or a digest.");
        foreach (var resource in new[] { "cpu", "memory" }) require(container["resources"]?["requests"]?[resource] is not null, $"{name}: resources.requests.{resource} must be set.");
        require(container["resources"]?["limits"]?["memory"] is not null, $"{name}: resources.limits.memory must be set.");
        foreach (var probe in new[] { "startupProbe", "livenessProbe", "readinessProbe" }.Where(_ => stays)) require(container[probe] is not null, $"{name}: {probe} must be set.");
    }

    private static bool IsTrue(JsonNode? node) => node?.ToJsonString() == "true";
}
