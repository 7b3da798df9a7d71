using System.Text.RegularExpressions;
using System.Xml.Linq;
using DistTrain.Tests.House;

namespace DistTrain.Tests.Kubernetes;

/// <summary>The image is built from everything, runs as nobody, and is the one that the manifests name.</summary>
public sealed partial class ContainerImageTests
{
    private static readonly string[] Lines = File.ReadAllText(Path.Combine(Overlays.Folder, "Dockerfile")).Replace("\\\n", " ", StringComparison.Ordinal).Split('\n').Where(l => l.Length > 0 && l[0] != '#').ToArray();

    [Fact]
    public void The_image_is_refused_where_a_package_family_is_missing() =>
        Assert.Contains(Lines, l => l.StartsWith("RUN", StringComparison.Ordinal) && l.Contains("dotnet publish silo", StringComparison.Ordinal) && l.Contains("-p:RequireAll=true", StringComparison.Ordinal));

    [Fact]
    public void Every_stage_that_runs_is_nobody_and_holds_no_SDK()
    {
        var stages = Stages();
        Assert.Equal(["build", "gpu", "silo"], stages.Keys.Order(StringComparer.Ordinal));
        foreach (var (name, lines) in stages.Where(s => s.Key != "build"))
        {
            Assert.Contains("RUNTIME_IMAGE", lines[0], StringComparison.Ordinal);
            Assert.Contains("USER 1654:1654", lines);
            Assert.DoesNotContain(lines, l => l.StartsWith("RUN", StringComparison.Ordinal));
            Assert.Single(lines, l => l.StartsWith("ENTRYPOINT", StringComparison.Ordinal));
            Assert.True(lines.ToList().FindIndex(l => l.StartsWith("USER", StringComparison.Ordinal)) < lines.ToList().FindIndex(l => l.StartsWith("ENTRYPOINT", StringComparison.Ordinal)), name);
        }
        Assert.Equal("silo", Lines.Last(l => l.StartsWith("FROM", StringComparison.Ordinal)).Split(' ')[^1]);
    }

    [Fact]
    public void The_pods_run_as_the_user_of_the_image()
    {
        var manifests = Manifests.Read(File.ReadAllText(Overlays.Rendered("gpu")), "gpu");
        var pods = manifests.Workloads().ToList();
        Assert.All(pods, w => Assert.Equal("1654", w.Pod["securityContext"]!["runAsUser"]!.ToJsonString()));
        // Built as the head of the Dockerfile says, the tags are the manifests'.
        var built = Built().Matches(File.ReadAllText(Path.Combine(Overlays.Folder, "Dockerfile"))).Select(m => m.Groups[1].Value).ToList();
        Assert.Equal(2, built.Count);
        Assert.All(pods.SelectMany(w => w.Containers()), c => Assert.Contains((string)c["image"]!, built));
    }

    [Fact]
    public void The_program_that_starts_is_the_one_that_is_published()
    {
        var project = Directory.GetFiles(Path.Combine(Repository.Root, "silo"), "*.csproj").Single();
        var assembly = XDocument.Load(project).Descendants("AssemblyName").Single().Value;
        Assert.All(Lines.Where(l => l.StartsWith("ENTRYPOINT", StringComparison.Ordinal)), l => Assert.Equal($"ENTRYPOINT [\"dotnet\", \"/app/{assembly}.dll\"]", l));
    }

    [Theory]
    [InlineData("silo")]
    [InlineData("grains")]
    [InlineData("learning")]
    [InlineData("kernels")]
    [InlineData("client")]
    [InlineData("dashboard")]
    [InlineData("build")]
    [InlineData("Directory.Build.targets")]
    public void What_the_build_needs_is_not_left_out(string needed) => Assert.DoesNotContain(needed, File.ReadAllLines(Path.Combine(Repository.Root, ".dockerignore")));

    private static Dictionary<string, string[]> Stages()
    {
        var stages = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        List<string>? stage = null;
        foreach (var line in Lines)
        {
            if (line.StartsWith("FROM", StringComparison.Ordinal)) stages[line.Split(' ')[^1]] = stage = [];
            stage?.Add(line);
        }
        return stages.ToDictionary(s => s.Key, s => s.Value.ToArray(), StringComparer.Ordinal);
    }

    [GeneratedRegex("-t ([a-z-]+:[0-9.]+)")]
    private static partial Regex Built();
}
