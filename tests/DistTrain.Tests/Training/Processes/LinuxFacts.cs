namespace DistTrain.Tests.Training;

/// <summary>A fact about processes that are stopped or looked at as only Linux lets one; skipped elsewhere.</summary>
public sealed class LinuxFactAttribute : FactAttribute
{
    internal const string Reason = "this is not Linux: processes were not stopped with SIGSTOP";

    public LinuxFactAttribute() => Skip = Needs.Unless(OperatingSystem.IsLinux(), Reason);
}

/// <inheritdoc cref="LinuxFactAttribute"/>
public sealed class LinuxTheoryAttribute : TheoryAttribute
{
    public LinuxTheoryAttribute() => Skip = Needs.Unless(OperatingSystem.IsLinux(), LinuxFactAttribute.Reason);
}
