using System.Text.Json.Serialization;

namespace DistTrain.Contracts;

/// <summary>What the loss curves of a run say, with the reasons.</summary>
/// <param name="Name">One of <see cref="VerdictNames"/>.</param>
/// <param name="Rule">The rule of the table that holds; differs from Name where a refinement names its cause.</param>
/// <param name="Severity">Whether somebody should act.</param>
/// <param name="Sentence">One sentence for a person.</param>
/// <param name="Confidence">In [0, 1].</param>
/// <param name="Evidence">The numbers it rests on.</param>
/// <param name="Advice">What to do, first thing first.</param>
/// <param name="Window">The steps it looked at.</param>
/// <param name="AlsoFound">Other findings that hold beside it.</param>
/// <param name="ChecksRan">Names of the checks that had enough data.</param>
/// <param name="ChecksSkipped">Checks that could not run, and why: a skipped check is not a clean one.</param>
public sealed record Verdict(
    [property: JsonPropertyName("verdict"), JsonPropertyOrder(-5)] string Name,
    string Rule,
    VerdictSeverity Severity,
    string Sentence,
    [property: JsonPropertyOrder(-4)] double Confidence,
    [property: JsonPropertyOrder(-3)] IReadOnlyList<VerdictEvidence> Evidence,
    [property: JsonPropertyOrder(-2)] IReadOnlyList<string> Advice,
    [property: JsonPropertyOrder(-1)] StepWindow Window,
    IReadOnlyList<AlsoFound> AlsoFound,
    IReadOnlyList<string> ChecksRan,
    IReadOnlyList<SkippedCheck> ChecksSkipped)
{
    /// <summary>The worst severity of the verdict and of what was also found.</summary>
    [JsonIgnore]
    public VerdictSeverity Worst => AlsoFound.Select(also => also.Severity).Append(Severity).Max();
}

/// <summary>A number that a verdict rests on.</summary>
public sealed record VerdictEvidence(string Name, double Value, string Text);

/// <summary>A finding beside the verdict.</summary>
public sealed record AlsoFound([property: JsonPropertyName("verdict")] string Name, VerdictSeverity Severity, string Sentence);

/// <summary>A check that could not run.</summary>
public sealed record SkippedCheck(string Name, string Reason);

/// <summary>Steps from FromStep to ToStep, both included.</summary>
public readonly record struct StepWindow(long FromStep, long ToStep);

/// <summary>How much a verdict asks of its reader.</summary>
public enum VerdictSeverity
{
    /// <summary>Nothing to do.</summary>
    Ok,

    /// <summary>Not enough data to say.</summary>
    Unknown,

    /// <summary>The run goes on, and could go better.</summary>
    Warn,

    /// <summary>The run as it is leads nowhere.</summary>
    Error,
}

/// <summary>Every verdict's name.</summary>
public static class VerdictNames
{
    public const string Learning = "learning";
    public const string Overfitting = "overfitting";
    public const string SuspiciousData = "suspiciousData";
    public const string Bottleneck = "bottleneck";
    public const string WrongSetup = "wrongSetup";
    public const string NotANumber = "nan";
    public const string Diverged = "diverged";
    public const string InsufficientData = "insufficientData";
    public const string Converged = "converged";
    public const string LearningRateTooHigh = "learningRateTooHigh";
    public const string LearningRateTooLow = "learningRateTooLow";
    public const string VanishingGradients = "vanishingGradients";
    public const string ExplodingGradients = "explodingGradients";
    public const string DeadUnits = "deadUnits";

    /// <summary>The five rules first, in the documents' order.</summary>
    public static IReadOnlyList<string> All { get; } =
    [
        Learning, Overfitting, SuspiciousData, Bottleneck, WrongSetup, NotANumber, Diverged, InsufficientData,
        Converged, LearningRateTooHigh, LearningRateTooLow, VanishingGradients, ExplodingGradients, DeadUnits,
    ];
}
