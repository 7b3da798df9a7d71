namespace DistTrain.Cli;

/// <summary>How the user reaches this command from where they stand, so that suggested lines can be pasted.</summary>
internal static class Invocation
{
    private static readonly Lazy<string> _name = new(() => Of(AppContext.BaseDirectory, Environment.CurrentDirectory, Environment.GetEnvironmentVariable("PATH") ?? ""));

    /// <summary><c>disttrain</c> where that is on the path; <c>dotnet run -c Release --project client/Cli --</c> in a source tree; else the program's own path.</summary>
    public static string Name => _name.Value;

    public static string Of(string programFolder, string currentFolder, string path)
    {
        var program = OperatingSystem.IsWindows() ? "disttrain.exe" : "disttrain";
        if (path.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries).Any(folder => File.Exists(Path.Combine(folder, program)))) return "disttrain";
        for (var folder = new DirectoryInfo(programFolder); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "client", "Cli", "DistTrain.Cli.csproj")))
                return $"dotnet run -c Release --project {Path.GetRelativePath(currentFolder, Path.Combine(folder.FullName, "client", "Cli"))} --";
        return Path.GetRelativePath(currentFolder, Path.Combine(programFolder, program));
    }
}
