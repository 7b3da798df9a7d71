namespace DistTrain.Contracts;

/// <summary>What a committed step or evaluation measured. A step that is recomputed after a restore is not told again.</summary>
public sealed record MetricPoint
{
    /// <summary>1, 2, 3, ... within the job.</summary>
    public long Sequence { get; init; }

    /// <summary>"step" or "evaluation".</summary>
    public required string Kind { get; init; }

    /// <summary>Steps committed with it.</summary>
    public long Step { get; init; }

    /// <summary>Epochs done, in fractions.</summary>
    public double Epoch { get; init; }

    /// <summary>Seconds since the job began.</summary>
    public double Seconds { get; init; }

    /// <summary>Mean loss: of the global batch before its update, or of the test set.</summary>
    public double Loss { get; init; }

    /// <summary>Share of correct predictions among the same samples; NaN where the loss has none.</summary>
    public double Accuracy { get; init; } = double.NaN;

    public long Samples { get; init; }

    /// <summary>Steps only.</summary>
    public double LearningRate { get; init; } = double.NaN;

    /// <summary>Global norm before clipping. Steps only.</summary>
    public double GradientNorm { get; init; } = double.NaN;

    /// <summary>Global norm after clipping. Steps only.</summary>
    public double ClippedNorm { get; init; } = double.NaN;

    /// <summary>Further figures by name, such as those of <see cref="LayerMetric"/>; null where none were measured.</summary>
    public IReadOnlyDictionary<string, double>? Values { get; init; }
}
