namespace DistTrain.Tests.House;

/// <summary>Where the sources stand, found upward from the test assembly.</summary>
internal static class Repository
{
    public static string Root { get; } = Find();

    public static IEnumerable<string> Projects() => Files("*.csproj").Where(p => !Relative(p).StartsWith("build/", StringComparison.Ordinal));

    /// <summary>Source files of a pattern, build outputs left out.</summary>
    public static IEnumerable<string> Files(string pattern) =>
        Directory.EnumerateFiles(Root, pattern, SearchOption.AllDirectories)
            .Where(p => !Relative(p).Split('/').Any(part => part is "bin" or "obj" or "node_modules" or ".git" or "runs"))
            .Order(StringComparer.Ordinal);

    public static string Relative(string path) => Path.GetRelativePath(Root, path).Replace('\\', '/');

    private static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "DistTrain.sln"))) return folder.FullName;
        throw new DirectoryNotFoundException($"no DistTrain.sln above {AppContext.BaseDirectory}; run the tests from a checkout.");
    }
}
