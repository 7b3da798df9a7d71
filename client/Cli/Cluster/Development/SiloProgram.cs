namespace DistTrain.Cli;

/// <summary>Where the silo's program is: beside the command, or in the checkout that the command was built from.</summary>
internal static class SiloProgram
{
    private const string Name = "disttrain-silo";

    /// <returns>Its assembly; null where this build has none. DISTTRAIN_SILO_PROGRAM names another.</returns>
    public static string? Find()
    {
        if (Environment.GetEnvironmentVariable("DISTTRAIN_SILO_PROGRAM") is { Length: > 0 } named) return Runs(named) ? named : null;
        var here = new DirectoryInfo(AppContext.BaseDirectory);
        if (Runs(Path.Combine(here.FullName, Name + ".dll"))) return Path.Combine(here.FullName, Name + ".dll");
        // .../client/Cli/bin/Release/net10.0 -> .../silo/bin/Release/net10.0
        var (framework, configuration) = (here.Name, here.Parent?.Name);
        for (var folder = here; folder is not null && configuration is not null; folder = folder.Parent)
        {
            if (!File.Exists(Path.Combine(folder.FullName, "DistTrain.sln"))) continue;
            var built = Path.Combine(folder.FullName, "silo", "bin", configuration, framework, Name + ".dll");
            return Runs(built) ? built : null;
        }
        return null;
    }

    // Built without Orleans it is an empty library, which has no such file.
    private static bool Runs(string assembly) => File.Exists(assembly) && File.Exists(Path.ChangeExtension(assembly, ".runtimeconfig.json"));
}
