using System.Text.Json.Nodes;

namespace DistTrain.Tests.Kubernetes;

/// <summary>Pods are allowed as little as they need, and the API server takes them as they are.</summary>
public sealed class PodSecurityTests
{
    public static TheoryData<string> EveryOverlay() => new(Overlays.Every);

    [Theory, MemberData(nameof(EveryOverlay))]
    public void Every_pod_keeps_to_the_restricted_standard(string overlay)
    {
        var manifests = Overlays.Of(overlay);
        Assert.True(manifests.Workloads().Count() >= 3);
        Assert.Empty(manifests.Workloads().Concat(Overlays.Tools.Workloads()).SelectMany(PodSecurity.Problems));
        Assert.All(manifests.Of("Namespace"), n => Assert.Equal("restricted", (string?)n["metadata"]!["labels"]!["pod-security.kubernetes.io/enforce"]));
    }

    [Theory, MemberData(nameof(EveryOverlay))]
    public void The_server_takes_what_the_schema_allows(string overlay)
    {
        var manifests = Overlays.Of(overlay);
        Assert.Empty(ServerRules.Problems(new Manifests([.. manifests.All, .. Overlays.Tools.All])));
    }

    [Theory, MemberData(nameof(EveryOverlay))]
    public void Pods_are_let_out_only_to_places_that_are_named(string overlay)
    {
        var manifests = Overlays.Of(overlay);
        var rules = manifests.Of("NetworkPolicy").SelectMany(p => (p["spec"]!["egress"] as JsonArray ?? []).Select(rule => (Policy: (string)p["metadata"]!["name"]!, Rule: rule!))).ToList();
        Assert.All(rules, r => Assert.True(r.Rule["to"] is JsonArray { Count: > 0 }, $"{r.Policy} lets pods out to anywhere"));
        // Without a component that says so, nothing leaves the namespace but questions for the cluster's DNS; in production also what is for the database.
        string[] outside = [.. rules.Where(r => r.Rule["to"]!.AsArray().Any(t => t!["namespaceSelector"] is not null || t["ipBlock"] is not null)).Select(r => r.Policy)];
        Assert.Equal(overlay is "cpu" or "gpu" ? ["database", "dns"] : ["dns"], outside.Order(StringComparer.Ordinal));
        Assert.DoesNotContain(manifests.Of("ConfigMap").SelectMany(m => m["data"]!.AsObject()), s => s.Key.StartsWith("OTEL_", StringComparison.Ordinal));
    }

    [Theory, MemberData(nameof(EveryOverlay))]
    public void A_gateway_sees_the_checkpoints_where_the_silos_see_them_and_cannot_write_there(string overlay)
    {
        var workloads = Overlays.Of(overlay).Workloads().Where(w => w.Label.Contains("disttrain-", StringComparison.Ordinal) && !w.Label.EndsWith("postgres", StringComparison.Ordinal)).ToList();
        Assert.Equal(3, workloads.Count);
        foreach (var workload in workloads)
        {
            var container = workload.Containers().Single();
            Assert.Equal("/checkpoints", (string)container["env"]!.AsArray().Single(e => (string)e!["name"]! == "DISTTRAIN_STATE")!["value"]!);
            var mount = container["volumeMounts"]!.AsArray().Single(m => (string)m!["mountPath"]! == "/checkpoints")!;
            Assert.Equal(workload.Label.EndsWith("gateway", StringComparison.Ordinal), (bool?)mount["readOnly"] ?? false);
        }
    }

    [Theory]
    [InlineData("runAsNonRoot", "runAsNonRoot must be true")]
    [InlineData("capabilities", "capabilities.drop must hold ALL")]
    [InlineData("readOnlyRootFilesystem", "readOnlyRootFilesystem must be true")]
    [InlineData("hostPath", "is a hostPath")]
    [InlineData("latest", "It must name a version other than latest")]
    [InlineData("token", "automountServiceAccountToken must be false")]
    public void A_planted_weakness_is_caught(string planted, string finding)
    {
        var worker = Manifests.Read(File.ReadAllText(Overlays.Rendered("cpu")), "cpu").Workloads().Single(w => w.Label == "Deployment/disttrain-worker");
        Assert.Empty(PodSecurity.Problems(worker));
        var container = worker.Containers().Single();
        switch (planted)
        {
            case "runAsNonRoot": worker.Pod["securityContext"]!["runAsNonRoot"] = false; break;
            case "capabilities": container["securityContext"]!.AsObject().Remove("capabilities"); break;
            case "readOnlyRootFilesystem": container["securityContext"]!.AsObject().Remove("readOnlyRootFilesystem"); break;
            case "hostPath": worker.Pod["volumes"]!.AsArray().Add(new JsonObject { ["name"] = "host", ["hostPath"] = new JsonObject { ["path"] = "/" } }); break;
            case "latest": container["image"] = "disttrain-silo:latest"; break;
            case "token": worker.Pod["automountServiceAccountToken"] = true; break;
        }
        Assert.Contains(finding, Assert.Single(PodSecurity.Problems(worker)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a privileged port", "Deployment/disttrain-worker listens on 443. Without privileges it must be 1024-65535.")]
    [InlineData("a port twice", "Deployment/disttrain-worker declares port 8081 twice.")]
    [InlineData("a long name of a port", "Deployment/disttrain-worker has a port tensors-of-shards. A port's name is 1-15 lower-case letters, digits and dashes, with a letter.")]
    [InlineData("more than the limit", "Deployment/disttrain-worker requests 8Gi memory, more than its limit of 4Gi.")]
    [InlineData("half a GPU", "Deployment/disttrain-worker asks for 500m nvidia.com/gpu. It must be a whole number, and the same in requests.")]
    [InlineData("a path twice", "Deployment/disttrain-worker mounts /tmp twice.")]
    [InlineData("a label", "Deployment/disttrain-worker has the label app.kubernetes.io/component=worker silo, which is no label's value.")]
    public void A_planted_refusal_is_caught(string planted, string finding)
    {
        var manifests = Manifests.Read(File.ReadAllText(Overlays.Rendered("cpu")), "cpu");
        Assert.Empty(ServerRules.Problems(manifests));
        var worker = manifests.Workloads().Single(w => w.Label == "Deployment/disttrain-worker");
        var container = worker.Containers().Single();
        switch (planted)
        {
            case "a privileged port": container["ports"]!.AsArray().Add(new JsonObject { ["name"] = "web", ["containerPort"] = 443 }); break;
            case "a port twice": container["ports"]!.AsArray().Add(new JsonObject { ["name"] = "web", ["containerPort"] = 8081 }); break;
            case "a long name of a port": container["ports"]![0]!["name"] = "tensors-of-shards"; break;
            case "more than the limit": container["resources"]!["requests"]!["memory"] = "8Gi"; break;
            case "half a GPU": container["resources"]!["limits"]!["nvidia.com/gpu"] = "500m"; break;
            case "a path twice": container["volumeMounts"]!.AsArray().Add(new JsonObject { ["name"] = "tmp", ["mountPath"] = "/tmp" }); break;
            case "a label": worker.Resource["metadata"]!["labels"]!["app.kubernetes.io/component"] = "worker silo"; break;
        }
        Assert.Equal(finding, Assert.Single(ServerRules.Problems(manifests)));
    }
}
