using System.Text.Json.Nodes;
using Xunit.Abstractions;

namespace DistTrain.Tests.Kubernetes;

/// <summary>Every manifest is valid, strictly, in the oldest and the newest version of Kubernetes that is supported here.</summary>
public sealed class ManifestSchemaTests(ITestOutputHelper output)
{
    public static TheoryData<string, string> EveryOverlayInEveryVersion()
    {
        var data = new TheoryData<string, string>();
        foreach (var overlay in Overlays.Every)
            foreach (var version in KubernetesSchemas.Versions) data.Add(overlay, version);
        return data;
    }

    [SchemasTheory, MemberData(nameof(EveryOverlayInEveryVersion))]
    public void Every_manifest_is_strictly_valid(string overlay, string version)
    {
        var (schemas, manifests) = (KubernetesSchemas.Of(version), Overlays.Of(overlay));
        Assert.True(manifests.All.Count > 10, $"{overlay} has {manifests.All.Count} manifests");
        Assert.Empty(manifests.All.Concat(Overlays.Tools.All).SelectMany(m => SchemaWalk.Problems(m, schemas)));
        output.WriteLine($"{manifests.All.Count} manifests of {overlay} are valid in Kubernetes {version}.");
    }

    [SchemasTheory]
    [InlineData("a field that is not there", "template.spec.containers[0].livenessProb is not a field of Container. Did you mean livenessProbe?")]
    [InlineData("a field in a place where it is unknown", "spec.template.replicas is not a field of PodTemplateSpec.")]
    [InlineData("a number where a text belongs", "template.spec.containers[0].env[0].value is 1. It must be a text; quote it.")]
    [InlineData("a text where a number belongs", "spec.replicas is \"2\". It must be a whole number (int32).")]
    [InlineData("a number that is too large", "spec.replicas is 4294967296. It must be a whole number (int32).")]
    [InlineData("a missing field", "template.spec.containers[0].ports[0] has no containerPort. ContainerPort requires it.")]
    [InlineData("a list where a mapping belongs", "spec.selector is [\"app\"]. It must be a mapping (LabelSelector).")]
    [InlineData("a mapping where a list belongs", "template.spec.containers is {\"name\":\"x\"}. It must be a list.")]
    [InlineData("an empty value", "spec.strategy is empty. Give it a value or remove it; {} is an empty mapping.")]
    [InlineData("a bad quantity", "resources.limits[memory] is \"4 GB\". It must be a quantity such as 500m, 2 or 4Gi.")]
    [InlineData("a word that means nothing", "imagePullPolicy is \"Sometimes\". It must be one of Always, IfNotPresent, Never.")]
    [InlineData("a key twice in a keyed list", "template.spec.containers[0].env has name: \"DISTTRAIN_ROLE\" 2 times. It must be there once.")]
    [InlineData("a kind of another version", "Deployment is not a kind of apps/v1beta1 in this version.")]
    [InlineData("a bad date", "metadata.creationTimestamp is \"yesterday\". It must have the format date-time.")]
    public void A_planted_error_is_caught(string planted, string finding)
    {
        var schemas = KubernetesSchemas.Of("1.35");
        var manifest = Manifests.Read(File.ReadAllText(Overlays.Rendered("cpu")), "cpu").All.First(m => Manifests.Label(m) == "Deployment/disttrain-gateway");
        Assert.Empty(SchemaWalk.Problems(manifest, schemas));
        var (spec, pod) = (manifest["spec"]!.AsObject(), manifest["spec"]!["template"]!["spec"]!.AsObject());
        var container = pod["containers"]![0]!.AsObject();
        switch (planted)
        {
            case "a field that is not there": container["livenessProb"] = new JsonObject(); break;
            case "a field in a place where it is unknown": spec["template"]!["replicas"] = 2; break;
            case "a number where a text belongs": container["env"]![0]!["value"] = 1; break;
            case "a text where a number belongs": spec["replicas"] = "2"; break;
            case "a number that is too large": spec["replicas"] = 1L << 32; break;
            case "a missing field": container["ports"]![0]!.AsObject().Remove("containerPort"); break;
            case "a list where a mapping belongs": spec["selector"] = new JsonArray("app"); break;
            case "a mapping where a list belongs": pod["containers"] = new JsonObject { ["name"] = "x" }; break;
            case "an empty value": spec["strategy"] = null; break;
            case "a bad quantity": container["resources"]!["limits"]!["memory"] = "4 GB"; break;
            case "a word that means nothing": container["imagePullPolicy"] = "Sometimes"; break;
            case "a key twice in a keyed list": container["env"]!.AsArray().Add(new JsonObject { ["name"] = "DISTTRAIN_ROLE", ["value"] = "silo" }); break;
            case "a kind of another version": manifest["apiVersion"] = "apps/v1beta1"; break;
            case "a bad date": manifest["metadata"]!["creationTimestamp"] = "yesterday"; break;
        }
        Assert.Contains(finding, Assert.Single(SchemaWalk.Problems(manifest, schemas)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a: 1\na: 2", "a stands twice in this mapping")]
    [InlineData("a: yes", "yes is a text to some YAML readers")]
    [InlineData("mode: 0644", "0644 is a text to some YAML readers")]
    [InlineData("a: &x 1", "an anchor or a tag stands here")]
    [InlineData("- a", "a document must be a mapping")]
    public void What_YAML_readers_disagree_about_is_refused(string yaml, string finding) =>
        Assert.Contains(finding, Assert.Throws<FormatException>(() => ManifestYaml.Read(yaml, "planted")).Message, StringComparison.Ordinal);

    public static TheoryData<string> PublishedOverlays() => new(Overlays.Published);

    [KubectlTheory, MemberData(nameof(PublishedOverlays))]
    public void A_rendered_file_is_what_kubectl_makes_of_its_overlay(string overlay)
    {
        var built = Overlays.FromKubectl(overlay)!;
        var (expected, actual) = (ManifestYaml.Read(built, overlay), ManifestYaml.Read(File.ReadAllText(Overlays.Rendered(overlay)), overlay));
        Assert.True(expected.Count == actual.Count && expected.Zip(actual).All(pair => JsonNode.DeepEquals(pair.First, pair.Second)), $"k8s/rendered/{overlay}.yaml is not what kubectl kustomize k8s/overlays/{overlay} prints. Run k8s/render.sh.");
    }
}
