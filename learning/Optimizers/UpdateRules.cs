namespace DistTrain.Learning;

/// <summary>What happens to a committed gradient before the optimizer sees it, and which parameters it reaches. All of it at the shard, element by element.</summary>
/// <remarks>
/// In this order, c the coefficient of the whole step:  g &lt;- c·g ;  by tensor: g &lt;- g·min(1, ClipTensorNorm / (‖g‖ + 1e-6)) ;
/// by value: g &lt;- max(-ClipValue, min(ClipValue, g)) ;  g &lt;- g + L2·w + L1·sign(w) ;  then the optimizer, at the parameter's own rate.
/// </remarks>
public sealed record UpdateRules
{
    public static readonly UpdateRules None = new();

    /// <summary>Largest |element|; 0 = off.</summary>
    public double ClipValue { get; init; }

    /// <summary>Largest norm of one tensor's gradient; 0 = off.</summary>
    public double ClipTensorNorm { get; init; }

    /// <summary>The gradient of L1·Σ|w|.</summary>
    public double L1 { get; init; }

    /// <summary>The gradient of ½·L2·Σw².</summary>
    public double L2 { get; init; }

    /// <summary>Rules by parameter, in order.</summary>
    public IReadOnlyList<ParameterRule> Parameters { get; init; } = [];

    /// <summary>Gradients are changed before the optimizer.</summary>
    public bool ChangesGradients => ClipValue > 0 || L1 > 0 || L2 > 0;

    /// <summary>What a parameter's rate is multiplied by; 0: it is frozen, and no optimizer touches it.</summary>
    public double RateFactor(string parameter) => Parameters.Aggregate(1.0, (factor, rule) => rule.Matches(parameter) ? factor * rule.Factor : factor);

    /// <summary>Rules that match none of these parameters.</summary>
    public IEnumerable<ParameterRule> Idle(IEnumerable<string> parameters) => Parameters.Where(rule => !parameters.Any(rule.Matches));
}
