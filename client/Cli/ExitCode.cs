namespace DistTrain.Cli;

/// <summary>What the command's exit status means; scripts rely on it.</summary>
public static class ExitCode
{
    public const int Ok = 0;
    public const int JobFailed = 1;

    /// <summary>Wrong usage, a job that does not validate, data or paths that cannot be used.</summary>
    public const int Usage = 2;
    public const int NotFound = 3;

    /// <summary>Cannot reach, or not allowed.</summary>
    public const int Unreachable = 4;
    public const int TimedOut = 5;

    /// <summary>It worked and found something: a damaged checkpoint, numbers off the oracle's.</summary>
    public const int Findings = 6;
    public const int Interrupted = 130;
}

/// <summary>An end of the command with a message for the user: what is set, what it must be, what to do.</summary>
public sealed class CommandException(int exitCode, string message) : Exception(message)
{
    public int ExitCode { get; } = exitCode;
}
