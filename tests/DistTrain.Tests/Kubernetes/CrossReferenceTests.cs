using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using DistTrain.Tests.House;

namespace DistTrain.Tests.Kubernetes;

/// <summary>What manifests say of each other is true: selectors, ports, claims, settings, secrets, probes.</summary>
public sealed partial class CrossReferenceTests
{
    private const string Secrets = "k8s/create-secrets.sh";

    public static TheoryData<string> EveryOverlay() => new(Overlays.Every);

    [Theory, MemberData(nameof(EveryOverlay))]
    public void Everything_that_is_named_is_there(string overlay)
    {
        var manifests = Overlays.Of(overlay);
        Assert.Empty(CrossReferences.Problems(new Manifests([.. manifests.All, .. Overlays.Tools.All]), MadeByHand()));
    }

    [Theory, MemberData(nameof(EveryOverlay))]
    public void No_secret_stands_in_the_manifests(string overlay)
    {
        var manifests = Overlays.Of(overlay);
        Assert.Empty(manifests.Of("Secret"));
        var settings = manifests.Of("ConfigMap").SelectMany(c => c["data"] as JsonObject ?? []).Select(d => (d.Key, Value: (string?)d.Value))
            .Concat(manifests.Workloads().SelectMany(w => w.Containers()).SelectMany(c => c["env"] as JsonArray ?? []).Select(e => (Key: (string)e!["name"]!, Value: (string?)e["value"])));
        Assert.DoesNotContain(settings, s => s.Value is not null && !s.Value.StartsWith('/') && Secretive().IsMatch(s.Key));
    }

    [Theory, MemberData(nameof(EveryOverlay))]
    public void Everything_is_denied_that_no_policy_admits(string overlay)
    {
        var manifests = Overlays.Of(overlay);
        var denies = manifests.Of("NetworkPolicy").Where(p => (p["spec"]!["podSelector"] as JsonObject)?.Count == 0 && p["spec"]!["ingress"] is null && p["spec"]!["egress"] is null).ToList();
        Assert.Equal(["Egress", "Ingress"], Assert.Single(denies)["spec"]!["policyTypes"]!.AsArray().Select(t => (string)t!).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("a deployment's selector", "Deployment/disttrain-worker has a selector that does not pick its own pods")]
    [InlineData("a selector of everybody's pods", "Deployment/disttrain-worker has a selector that also picks the pods of ")]
    [InlineData("a service's selector", "Service/disttrain-gateway has a selector that picks no pods.")]
    [InlineData("a service's port", "Service/disttrain-gateway sends 443 to port \"web\", which Deployment/disttrain-gateway does not declare.")]
    [InlineData("a budget's selector", "PodDisruptionBudget/disttrain-worker has the selector {\"matchLabels\":{\"app.kubernetes.io/component\":\"workers\"}}, which picks no pods.")]
    [InlineData("a policy's selector", "NetworkPolicy/gateway has the selector {\"matchLabels\":{\"app.kubernetes.io/component\":\"gate\"}}, which picks no pods.")]
    [InlineData("a policy's peer", "NetworkPolicy/lane has the selector {\"matchLabels\":{\"app.kubernetes.io/component\":\"gate\"}}, which picks no pods.")]
    [InlineData("a policy's port", "NetworkPolicy/gateway admits port \"web\", which none of its pods declares.")]
    [InlineData("a policy's way out", "NetworkPolicy/lane lets pods out to port \"gateway\", which none of the pods there declares.")]
    [InlineData("a probe's port", "Deployment/disttrain-worker has a readinessProbe on port \"web\" of disttrain, which disttrain does not declare.")]
    [InlineData("a claim", "Deployment/disttrain-worker mounts the claim checkpoints, which is not there.")]
    [InlineData("a mount", "Deployment/disttrain-worker mounts scratch into disttrain, and has no such volume.")]
    [InlineData("settings", "Deployment/disttrain-worker refers to the ConfigMap settings, which is neither among the manifests nor documented as made by hand.")]
    [InlineData("a secret", "Deployment/disttrain-worker refers to the Secret passwords, which is neither among the manifests nor documented as made by hand.")]
    [InlineData("a secret's key", "Deployment/disttrain-worker refers to key of the Secret disttrain-database, which has connection-string, password only.")]
    [InlineData("the headless service", "StatefulSet/disttrain-shard names the service disttrain-gateway, which is not headless (clusterIP: None).")]
    [InlineData("a spread's selector", "StatefulSet/disttrain-shard spreads pods by a selector that does not pick its own pods.")]
    [InlineData("a service account", "Deployment/disttrain-worker runs as the service account worker, which is not there.")]
    [InlineData("a name twice", "Service/disttrain-gateway stands 2 times.")]
    [InlineData("another namespace", "Service/disttrain-silos is in the namespace default, which is not among the manifests.")]
    public void A_planted_break_is_caught(string planted, string finding)
    {
        var manifests = Manifests.Read(File.ReadAllText(Overlays.Rendered("cpu")), "cpu");
        Assert.Empty(CrossReferences.Problems(manifests, MadeByHand()));
        JsonObject Named(string label) => manifests.All.Single(m => Manifests.Label(m) == label);
        var (worker, gateway) = (Named("Deployment/disttrain-worker"), Named("Service/disttrain-gateway"));
        var pod = worker["spec"]!["template"]!["spec"]!;
        var container = pod["containers"]![0]!;
        JsonNode Component(string name) => new JsonObject { ["matchLabels"] = new JsonObject { ["app.kubernetes.io/component"] = name } };
        switch (planted)
        {
            case "a deployment's selector": worker["spec"]!["selector"] = Component("workers"); break;
            case "a selector of everybody's pods": worker["spec"]!["selector"] = new JsonObject { ["matchLabels"] = new JsonObject { ["app.kubernetes.io/name"] = "disttrain" } }; break;
            case "a service's selector": gateway["spec"]!["selector"] = new JsonObject { ["app"] = "gateway" }; break;
            case "a service's port": gateway["spec"]!["ports"]![0]!["targetPort"] = "web"; break;
            case "a budget's selector": Named("PodDisruptionBudget/disttrain-worker")["spec"]!["selector"] = Component("workers"); break;
            case "a policy's selector": Named("NetworkPolicy/gateway")["spec"]!["podSelector"] = Component("gate"); break;
            case "a policy's peer": Named("NetworkPolicy/lane")["spec"]!["ingress"]![0]!["from"]![0]!["podSelector"] = Component("gate"); break;
            case "a policy's port": Named("NetworkPolicy/gateway")["spec"]!["ingress"]![0]!["ports"]![0]!["port"] = "web"; break;
            case "a policy's way out": Named("NetworkPolicy/lane")["spec"]!["egress"]![0]!["ports"]![0]!["port"] = "gateway"; break;
            case "a probe's port": container["readinessProbe"]!["httpGet"]!["port"] = "web"; break;
            case "a claim": pod["volumes"]![0]!["persistentVolumeClaim"]!["claimName"] = "checkpoints"; break;
            case "a mount": container["volumeMounts"]!.AsArray().Add(new JsonObject { ["name"] = "scratch", ["mountPath"] = "/scratch" }); break;
            case "settings": container["envFrom"]![0]!["configMapRef"]!["name"] = "settings"; break;
            case "a secret": DatabaseOf(pod)["name"] = "passwords"; break;
            case "a secret's key": DatabaseOf(pod)["items"]![0]!["key"] = "key"; break;
            case "the headless service": Named("StatefulSet/disttrain-shard")["spec"]!["serviceName"] = "disttrain-gateway"; break;
            case "a spread's selector": Named("StatefulSet/disttrain-shard")["spec"]!["template"]!["spec"]!["topologySpreadConstraints"]![0]!["labelSelector"] = Component("worker"); break;
            case "a service account": pod["serviceAccountName"] = "worker"; break;
            case "a name twice": manifests = new Manifests([.. manifests.All, gateway]); break;
            case "another namespace": Named("Service/disttrain-silos")["metadata"]!["namespace"] = "default"; break;
        }
        Assert.Contains(CrossReferences.Problems(manifests, MadeByHand()), p => p.StartsWith(finding, StringComparison.Ordinal));
    }

    /// <summary>"secret/key" of what the script makes: the Secrets that stand in no manifest.</summary>
    private static HashSet<string> MadeByHand()
    {
        var made = new HashSet<string>(StringComparer.Ordinal);
        foreach (Match secret in MadeSecret().Matches(File.ReadAllText(Path.Combine(Repository.Root, Secrets)).Replace("\\\n", " ", StringComparison.Ordinal)))
            foreach (Match key in MadeKey().Matches(secret.Value)) made.Add($"{secret.Groups[1].Value}/{key.Groups[1].Value}");
        Assert.True(made.Count >= 4, $"{Secrets} makes {string.Join(", ", made)}");
        return made;
    }

    private static JsonObject DatabaseOf(JsonNode pod) =>
        pod["volumes"]!.AsArray().SelectMany(v => v!["projected"]?["sources"] as JsonArray ?? []).Select(s => s!["secret"]!.AsObject()).Single(s => (string?)s["name"] == "disttrain-database");

    [GeneratedRegex(@"^\s*secret ([a-z-]+) --[^\n]*", RegexOptions.Multiline)]
    private static partial Regex MadeSecret();

    [GeneratedRegex(@"--from-(?:literal|file)=""?([a-z.-]+)=")]
    private static partial Regex MadeKey();

    [GeneratedRegex("KEY|TOKEN|PASSWORD|CONNECTION|POSTGRESQL$", RegexOptions.IgnoreCase)]
    private static partial Regex Secretive();
}
