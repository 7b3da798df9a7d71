using System.Xml.Linq;

namespace DistTrain.Tests.House;

/// <summary>docs/architecture.md draws the reference graph; here it is checked. Nothing outside the table is allowed.</summary>
public sealed class ReferenceGraphTests
{
    // project folder -> the project folders it may reference directly
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["kernels/Cpu"] = [],
        ["kernels/Gpu"] = ["kernels/Cpu"],
        ["learning"] = ["kernels/Cpu"],
        ["client/Contracts"] = [],
        ["grains/Protocol"] = ["client/Contracts"],
        ["dashboard/Diagnosis"] = ["client/Contracts"],
        ["grains/Training"] = ["grains/Protocol", "learning", "dashboard/Diagnosis"],
        ["grains/Interfaces"] = ["client/Contracts"],
        ["grains/Orleans"] = ["grains/Interfaces", "grains/Training"],
        ["dashboard/Web"] = ["client/Contracts", "dashboard/Diagnosis"],
        ["client/Sdk"] = ["client/Contracts"],
        ["client/Orleans"] = ["grains/Interfaces"],
        ["client/Cli"] = ["client/Sdk", "grains/Training", "dashboard/Web", "kernels/Gpu"],
        ["silo"] = ["grains/Orleans", "client/Orleans", "dashboard/Web", "kernels/Gpu"],
        ["tests/DistTrain.Tests"] = ["client/Cli"],
        ["samples/programs/FollowJob"] = ["client/Sdk"],
        ["samples/programs/FollowInOrleans"] = ["client/Orleans"],
        ["tests/DistTrain.Browser.Tests"] = ["client/Cli"],
        ["tests/DistTrain.Cluster.Tests"] = ["grains/Interfaces", "grains/Orleans", "silo", "client/Orleans", "client/Cli", "samples/programs/FollowInOrleans"],
        ["tests/DistTrain.Gpu.Tests"] = ["kernels/Gpu", "learning", "grains/Training"],
        ["tests/Bench"] = ["client/Cli"],
    };

    private static readonly Dictionary<string, string[]> PackageOwners = new()
    {
        ["Microsoft.Orleans."] = ["grains/Interfaces", "grains/Orleans", "client/Orleans", "silo", "samples/programs/FollowInOrleans", "tests/DistTrain.Cluster.Tests"],
        ["MessagePack"] = ["grains/Interfaces", "grains/Orleans", "client/Orleans", "silo", "tests/DistTrain.Cluster.Tests"],
        ["ILGPU"] = ["kernels/Gpu", "tests/DistTrain.Gpu.Tests"],
    };

    public static TheoryData<string> Projects() => new(Repository.Projects().Select(p => Repository.Relative(Path.GetDirectoryName(p)!)));

    [Theory, MemberData(nameof(Projects))]
    public void A_project_references_only_what_the_house_allows(string folder)
    {
        Assert.True(Allowed.ContainsKey(folder), $"{folder} is not in the reference table. Add it there and to docs/architecture.md with its allowed references.");
        var references = References(folder).ToList();
        var stray = references.Except(Allowed[folder]).ToList();
        Assert.True(stray.Count == 0, $"{folder} references {string.Join(", ", stray)}; allowed: {string.Join(", ", Allowed[folder])}.");
    }

    [Theory, MemberData(nameof(Projects))]
    public void Orleans_MessagePack_and_ILGPU_stay_in_their_projects(string folder)
    {
        var packages = Project(folder).Descendants().Where(e => e.Name.LocalName is "PackageReference" or "GroupPackageReference").Select(e => (string)e.Attribute("Include")!);
        foreach (var package in packages)
            foreach (var (family, owners) in PackageOwners)
                Assert.False(package.StartsWith(family, StringComparison.Ordinal) && !owners.Contains(folder), $"{folder} references {package}; only {string.Join(", ", owners)} may.");
    }

    [Fact]
    public void The_solution_holds_every_project()
    {
        var solution = File.ReadAllText(Path.Combine(Repository.Root, "DistTrain.sln")).Replace('\\', '/');
        Assert.All(Repository.Projects().Where(p => !p.Contains("/build/", StringComparison.Ordinal)), p => Assert.Contains(Repository.Relative(p), solution, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("Orleans")]
    [InlineData("Ilgpu")]
    public void The_line_of_what_was_left_out_names_every_project_of_a_package_family(string group)
    {
        var named = (string)XDocument.Load(Path.Combine(Repository.Root, "build", "PackageGroups.props")).Descendants().Single(e => e.Name.LocalName == $"{group}Projects");
        var belong = Repository.Projects().Where(p => XDocument.Load(p).Descendants().Any(e => e.Name.LocalName == "PackageGroup" && e.Value == group)).Select(p => Repository.Relative(Path.GetDirectoryName(p)!));
        Assert.Equal(belong.Order(StringComparer.Ordinal), named.Split(", ").Order(StringComparer.Ordinal));
    }

    [Fact]
    public void No_project_names_a_package_version_of_its_own() =>
        Assert.All(Repository.Projects(), p => Assert.DoesNotContain(XDocument.Load(p).Descendants(), e => e.Name.LocalName.EndsWith("PackageReference", StringComparison.Ordinal) && (e.Attribute("Version") ?? e.Attribute("VersionOverride")) is not null));

    private static XDocument Project(string folder) => XDocument.Load(Directory.GetFiles(Path.Combine(Repository.Root, folder), "*.csproj").Single());

    private static IEnumerable<string> References(string folder) =>
        from reference in Project(folder).Descendants()
        where reference.Name.LocalName == "ProjectReference"
        let path = Path.GetFullPath(Path.Combine(Repository.Root, folder, ((string)reference.Attribute("Include")!).Replace('\\', '/')))
        select Repository.Relative(Path.GetDirectoryName(path)!);
}
