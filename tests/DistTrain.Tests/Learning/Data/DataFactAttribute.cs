namespace DistTrain.Tests.Learning.Data;

/// <summary>A fact about a published data set; skipped where this machine has no copy.</summary>
public sealed class DataFactAttribute : FactAttribute
{
    /// <param name="name">Folder of the data set.</param>
    public DataFactAttribute(string name)
    {
        Name = name;
        Skip = Needs.Unless(DataFiles.Shared(name) is not null, $"{name} is not on this machine (set DISTTRAIN_DATA to the folder that has it)");
    }

    public string Name { get; }
}

/// <summary>A fact about files that are refused; skipped for a user who may read everything.</summary>
public sealed class OrdinaryUserFactAttribute : FactAttribute
{
    public OrdinaryUserFactAttribute() => Skip = Needs.Unless(!OperatingSystem.IsWindows() && !Environment.IsPrivilegedProcess, "this user may read every file (run the tests as another user to see a folder refused)");
}
