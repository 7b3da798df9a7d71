using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using DistTrain.Tests.House;

namespace DistTrain.Tests.Kubernetes;

/// <summary>The manifests and the silo speak of the same settings: names, ports, paths, times. The silo's table (silo/README.md) is the list.</summary>
public sealed partial class SettingNamesTests
{
    private const string Image = "disttrain-silo";
    private static readonly string Table = Path.Combine(Repository.Root, "silo", "README.md");
    private static readonly Dictionary<string, string> Defaults = Options().ToDictionary(o => o.Name, o => o.Default, StringComparer.Ordinal);

    public static TheoryData<string> EveryOverlay() => new(Overlays.Every);

    [Theory, MemberData(nameof(EveryOverlay))]
    public void Every_setting_in_the_manifests_is_one_that_the_silo_knows(string overlay)
    {
        var manifests = Overlays.Of(overlay);
        foreach (var workload in Silos(manifests))
        {
            var settings = Settings(manifests, workload);
            Assert.True(settings.Count >= 8, $"{workload.Label} sets {string.Join(", ", settings.Keys)}");
            var unknown = settings.Keys.Where(name => !Defaults.ContainsKey(name) && !name.StartsWith("OTEL_", StringComparison.Ordinal)).ToList();
            Assert.True(unknown.Count == 0, $"{overlay}, {workload.Label} sets {string.Join(", ", unknown)}; silo/README.md knows no such setting.");
        }
    }

    [Theory, MemberData(nameof(EveryOverlay))]
    public void Every_port_of_a_container_is_the_one_that_its_silo_opens(string overlay)
    {
        var manifests = Overlays.Of(overlay);
        Dictionary<string, string> settingOf = new() { ["silo"] = "DISTTRAIN_SILO_PORT", ["lane"] = "DISTTRAIN_LANE_PORT", ["health"] = "DISTTRAIN_HEALTH_PORT", ["https"] = "DISTTRAIN_HTTP_PORT" };
        foreach (var workload in Silos(manifests))
        {
            var settings = Settings(manifests, workload);
            var role = settings["DISTTRAIN_ROLE"];
            Assert.Equal(role == "gateway" ? ["health", "https", "silo"] : ["health", "lane", "silo"], workload.Ports().Select(p => (string)p["name"]!).Order(StringComparer.Ordinal));
            foreach (var port in workload.Ports())
            {
                var setting = settingOf[(string)port["name"]!];
                Assert.Equal(settings.GetValueOrDefault(setting) ?? Defaults[setting], port["containerPort"]!.ToJsonString());
            }
        }
    }

    [Theory, MemberData(nameof(EveryOverlay))]
    public void Every_file_that_a_setting_names_is_mounted_and_every_folder_too(string overlay)
    {
        var manifests = Overlays.Of(overlay);
        foreach (var workload in Silos(manifests))
        {
            var mounts = workload.Containers().SelectMany(c => c["volumeMounts"]!.AsArray()).Select(m => (string)m!["mountPath"]!).ToList();
            var paths = Settings(manifests, workload).Where(s => s.Value.StartsWith('/')).ToList();
            Assert.True(paths.Count >= 2, $"{workload.Label} names {string.Join(", ", paths)}");
            Assert.All(paths, path => Assert.Contains(mounts, mount => path.Value == mount || path.Value.StartsWith(mount + "/", StringComparison.Ordinal)));
        }
    }

    [Theory, MemberData(nameof(EveryOverlay))]
    public void A_pod_is_given_longer_to_end_than_the_silo_gives_itself_to_drain(string overlay)
    {
        var manifests = Overlays.Of(overlay);
        foreach (var workload in Silos(manifests))
        {
            var drain = int.Parse(Settings(manifests, workload).GetValueOrDefault("DISTTRAIN_DRAIN_SECONDS") ?? Defaults["DISTTRAIN_DRAIN_SECONDS"], CultureInfo.InvariantCulture);
            var before = workload.Containers().Sum(c => int.Parse(c["lifecycle"]?["preStop"]?["sleep"]?["seconds"]?.ToJsonString() ?? "0", CultureInfo.InvariantCulture));
            var grace = int.Parse(workload.Pod["terminationGracePeriodSeconds"]!.ToJsonString(), CultureInfo.InvariantCulture);
            Assert.True(grace >= before + drain + 10, $"{workload.Label} has {grace} s to end; {before} s before SIGTERM, {drain} s of draining and 10 s to leave need more.");
        }
    }

    [Theory, MemberData(nameof(EveryOverlay))]
    public void Every_probe_asks_a_route_that_the_silo_answers(string overlay)
    {
        var manifests = Overlays.Of(overlay);
        var routes = Route().Matches(File.ReadAllText(Table)).Select(m => m.Value).ToHashSet(StringComparer.Ordinal);
        var asked = from workload in Silos(manifests) from container in workload.Containers() from probe in new[] { "startupProbe", "readinessProbe", "livenessProbe" } select (string?)container[probe]?["httpGet"]?["path"];
        Assert.All(asked, path => Assert.Contains(path, routes));
    }

    [Fact]
    public void The_silos_of_a_cluster_hold_shards_and_workers_and_there_is_a_gateway()
    {
        var manifests = Manifests.Read(File.ReadAllText(Overlays.Rendered("cpu")), "cpu");
        var held = Silos(manifests).Select(w => Settings(manifests, w)).Select(s => s["DISTTRAIN_ROLE"] == "gateway" ? "gateway" : s["DISTTRAIN_HOSTS"]).Order(StringComparer.Ordinal);
        Assert.Equal(["gateway", "shards", "workers"], held);
    }

    [Fact]
    public void GPUs_are_asked_for_by_worker_silos_only_and_they_compute_there()
    {
        var manifests = Manifests.Read(File.ReadAllText(Overlays.Rendered("gpu")), "gpu");
        var withGpu = Assert.Single(Silos(manifests), w => w.Containers().Any(c => c["resources"]?["limits"]?["nvidia.com/gpu"] is not null));
        Assert.Equal("Deployment/disttrain-worker", withGpu.Label);
        Assert.Equal("gpu:0", Settings(manifests, withGpu)["DISTTRAIN_DEVICE"]);
        Assert.Contains(withGpu.Pod["tolerations"]!.AsArray(), t => (string?)t!["key"] == "nvidia.com/gpu");
    }

    private static IEnumerable<Workload> Silos(Manifests manifests) => manifests.Workloads().Where(w => w.Containers().Any(c => ((string)c["image"]!).StartsWith(Image, StringComparison.Ordinal)));

    /// <summary>What a container finds in its environment; a value that Kubernetes fills in is shown as its source.</summary>
    private static Dictionary<string, string> Settings(Manifests manifests, Workload workload)
    {
        var settings = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var container in workload.Containers())
        {
            foreach (var source in container["envFrom"] as JsonArray ?? [])
                foreach (var (name, value) in manifests.Of("ConfigMap").Single(c => (string?)c["metadata"]!["name"] == (string?)source!["configMapRef"]!["name"])["data"]!.AsObject()) settings[name] = (string)value!;
            foreach (var variable in container["env"] as JsonArray ?? []) settings[(string)variable!["name"]!] = (string?)variable["value"] ?? variable["valueFrom"]!.ToJsonString();
        }
        return settings;
    }

    // | `--option` | `ENVIRONMENT` | `default` | text |, and names that the text alone mentions.
    private static IEnumerable<(string Name, string Default)> Options()
    {
        var rows = from line in File.ReadLines(Table)
                   let cells = line.Split('|', StringSplitOptions.TrimEntries)
                   where cells.Length >= 6 && cells[1].StartsWith("`--", StringComparison.Ordinal)
                   select cells;
        foreach (var cells in rows)
        {
            yield return (cells[2].Trim('`'), cells[3].Trim('`'));
            foreach (Match mentioned in Variable().Matches(cells[4])) if (mentioned.Value != cells[2].Trim('`')) yield return (mentioned.Value, "");
        }
    }

    [GeneratedRegex("DISTTRAIN_[A-Z_]+")]
    private static partial Regex Variable();

    [GeneratedRegex("/health/[a-z]+")]
    private static partial Regex Route();
}
