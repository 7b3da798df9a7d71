namespace DistTrain.Tests.Kubernetes;

/// <summary>A theory that asks kubectl; skipped where there is none.</summary>
public sealed class KubectlTheoryAttribute : TheoryAttribute
{
    public KubectlTheoryAttribute() => Skip = Absent;

    /// <summary>Why not; null where it is there.</summary>
    internal static string? Absent => Needs.Unless((Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, "kubectl"))), "kubectl is not on this machine: the base by itself was not checked, overlays as they stand in k8s/rendered");
}

/// <summary>A theory that holds manifests against the published schemas; skipped where this machine has none.</summary>
public sealed class SchemasTheoryAttribute : TheoryAttribute
{
    public SchemasTheoryAttribute() => Skip = Needs.Unless(KubernetesSchemas.Versions.All(v => KubernetesSchemas.Folder(v) is not null),
        $"the schemas of Kubernetes {string.Join(" and ", KubernetesSchemas.Versions)} are not on this machine (set DISTTRAIN_K8S_SCHEMAS to the folder that has VERSION/*.json.gz)");
}
