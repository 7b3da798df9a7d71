using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace DistTrain.Tests.Kubernetes;

/// <summary>
/// The published OpenAPI v3 documents of one Kubernetes version, one gzip file a group. They are found as the data sets are: DISTTRAIN_K8S_SCHEMAS,
/// else shared/k8s-schemas in a folder above the checkout.
/// </summary>
internal sealed class KubernetesSchemas
{
    private static readonly Dictionary<string, KubernetesSchemas> Loaded = [];
    private readonly Dictionary<string, JsonObject> _named = new(StringComparer.Ordinal);
    private readonly Dictionary<(string ApiVersion, string Kind), string> _kinds = [];

    private KubernetesSchemas(string folder)
    {
        foreach (var file in Directory.GetFiles(folder, "*.json.gz").Order(StringComparer.Ordinal))
        {
            using var text = new GZipStream(File.OpenRead(file), CompressionMode.Decompress);
            var schemas = JsonNode.Parse(text)!["components"]!["schemas"]!.AsObject();
            foreach (var (name, schema) in schemas)
            {
                if (!_named.TryAdd(name, schema!.AsObject())) continue;
                foreach (var kind in schema["x-kubernetes-group-version-kind"]?.AsArray() ?? [])
                {
                    var (group, version) = ((string)kind!["group"]!, (string)kind["version"]!);
                    _kinds.TryAdd((group.Length == 0 ? version : $"{group}/{version}", (string)kind["kind"]!), name);
                }
            }
        }
    }

    /// <summary>The oldest and the newest that are supported here.</summary>
    public static string[] Versions { get; } = ["1.33", "1.35"];

    public static KubernetesSchemas Of(string version)
    {
        var folder = Folder(version) ?? throw new DirectoryNotFoundException($"the schemas of Kubernetes {version} are not on this machine");
        lock (Loaded) return Loaded.TryGetValue(folder, out var schemas) ? schemas : Loaded[folder] = new KubernetesSchemas(folder);
    }

    /// <summary>The name of a kind's schema; null where the version has no such kind.</summary>
    public string? NameOf(string apiVersion, string kind) => _kinds.GetValueOrDefault((apiVersion, kind));

    public JsonObject Named(string name) => _named.TryGetValue(name, out var schema) ? schema : throw new JsonException($"the schemas refer to {name}, and none of them is called so.");

    internal static string? Folder(string version)
    {
        if (Environment.GetEnvironmentVariable("DISTTRAIN_K8S_SCHEMAS") is { Length: > 0 } set) return Directory.Exists(Path.Combine(set, version)) ? Path.Combine(set, version) : null;
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (Path.Combine(folder.FullName, "shared", "k8s-schemas", version) is var found && Directory.Exists(found)) return found;
        return null;
    }
}
