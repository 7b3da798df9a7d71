using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace DistTrain.Contracts;

/// <summary>What is measured beside the loss, and what a verdict leads to. Changes no step's bits.</summary>
public sealed record DiagnosisSpec
{
    public const string Nothing = "nothing";

    /// <summary>Save and end, to be resumed; the run counts as stopped.</summary>
    public const string Stop = "stop";

    /// <summary>Save and end; the run counts as finished.</summary>
    public const string EarlyStop = "earlyStop";

    [SpecField("layers"), Range(0, int.MaxValue), Description("Steps between measurements of each layer: gradient norm, size of updates beside the weights, share of dead units (with evaluations). 0: none.")]
    public int Layers { get; init; }

    [SpecField("onVerdict.nan"), AllowedValues("nothing", "stop", "earlyStop"), Description("What the verdict nan leads to.")]
    public string OnNan { get; init; } = Nothing;

    [SpecField("onVerdict.diverged"), AllowedValues("nothing", "stop", "earlyStop"), Description("What the verdict diverged leads to.")]
    public string OnDiverged { get; init; } = Nothing;

    [SpecField("onVerdict.overfitting"), AllowedValues("nothing", "stop", "earlyStop"), Description("What the verdict overfitting leads to.")]
    public string OnOverfitting { get; init; } = Nothing;

    [SpecField("onVerdict.suspiciousData"), AllowedValues("nothing", "stop", "earlyStop"), Description("What the verdict suspiciousData leads to.")]
    public string OnSuspiciousData { get; init; } = Nothing;

    [SpecField("onVerdict.bottleneck"), AllowedValues("nothing", "stop", "earlyStop"), Description("What the verdict bottleneck leads to.")]
    public string OnBottleneck { get; init; } = Nothing;

    [SpecField("onVerdict.wrongSetup"), AllowedValues("nothing", "stop", "earlyStop"), Description("What the verdict wrongSetup leads to.")]
    public string OnWrongSetup { get; init; } = Nothing;

    [SpecField("onVerdict.converged"), AllowedValues("nothing", "stop", "earlyStop"), Description("What the verdict converged leads to.")]
    public string OnConverged { get; init; } = Nothing;

    [SpecField("onVerdict.learningRateTooHigh"), AllowedValues("nothing", "stop", "earlyStop"), Description("What the verdict learningRateTooHigh leads to.")]
    public string OnLearningRateTooHigh { get; init; } = Nothing;

    [SpecField("onVerdict.learningRateTooLow"), AllowedValues("nothing", "stop", "earlyStop"), Description("What the verdict learningRateTooLow leads to.")]
    public string OnLearningRateTooLow { get; init; } = Nothing;

    [SpecField("onVerdict.vanishingGradients"), AllowedValues("nothing", "stop", "earlyStop"), Description("What the verdict vanishingGradients leads to.")]
    public string OnVanishingGradients { get; init; } = Nothing;

    [SpecField("onVerdict.explodingGradients"), AllowedValues("nothing", "stop", "earlyStop"), Description("What the verdict explodingGradients leads to.")]
    public string OnExplodingGradients { get; init; } = Nothing;

    [SpecField("onVerdict.deadUnits"), AllowedValues("nothing", "stop", "earlyStop"), Description("What the verdict deadUnits leads to.")]
    public string OnDeadUnits { get; init; } = Nothing;

    /// <summary>What a verdict leads to.</summary>
    public string On(string verdict) => verdict switch
    {
        VerdictNames.NotANumber => OnNan,
        VerdictNames.Diverged => OnDiverged,
        VerdictNames.Overfitting => OnOverfitting,
        VerdictNames.SuspiciousData => OnSuspiciousData,
        VerdictNames.Bottleneck => OnBottleneck,
        VerdictNames.WrongSetup => OnWrongSetup,
        VerdictNames.Converged => OnConverged,
        VerdictNames.LearningRateTooHigh => OnLearningRateTooHigh,
        VerdictNames.LearningRateTooLow => OnLearningRateTooLow,
        VerdictNames.VanishingGradients => OnVanishingGradients,
        VerdictNames.ExplodingGradients => OnExplodingGradients,
        VerdictNames.DeadUnits => OnDeadUnits,
        _ => Nothing,
    };

    /// <summary>Some verdict leads to something.</summary>
    [SpecField("")]
    public bool Acts => VerdictNames.All.Any(name => On(name) != Nothing);
}
