using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>
/// Losses of a generative adversarial pair on the discriminator's logits y, t = 1 for real and 0 for made samples, mean over samples and elements. Discriminator: softplus(-y) if real,
/// softplus(y) if made. Generator: minimax -softplus(y), nonSaturating softplus(-y).  Goodfellow et al. 2014, arXiv:1406.2661. leastSquares: ½·(y - t)², for the generator t = 1.  Mao et al. 2017, arXiv:1611.04076.
/// </summary>
[Named("adversarial")]
public sealed class Adversarial(Adversarial.Options options) : ValueLoss
{
    /// <param name="Form">Which game.</param>
    /// <param name="Role">Whose loss it is.</param>
    public sealed record Options(AdversarialForm Form = AdversarialForm.NonSaturating, AdversarialRole Role = AdversarialRole.Discriminator);

    protected override string Name => "adversarial";

    protected override bool TakesLabels => true;

    public override LossNode Record(Tape tape, Tensor output, TargetKind kind)
    {
        var generates = options.Role == AdversarialRole.Generator;
        return Record(tape, output, options.Form switch
        {
            AdversarialForm.LeastSquares => new AdversarialLoss(generates ? 1f : -1f, 0f, 0f, 1f),
            AdversarialForm.Minimax when generates => new AdversarialLoss(1f, -1f, 1f, 0f),
            _ when generates => new AdversarialLoss(1f, 1f, -1f, 0f),
            _ => new AdversarialLoss(-1f, 1f, 0f, 0f),
        }, kind);
    }
}

/// <summary>Which adversarial game is played.</summary>
public enum AdversarialForm
{
    /// <summary>The generator lowers what the discriminator raises; it learns little while it is bad.</summary>
    Minimax,

    /// <summary>The generator raises the chance that its samples are taken for real.</summary>
    NonSaturating,

    /// <summary>Squared distances from the labels.</summary>
    LeastSquares,
}

/// <summary>Whose loss it is.</summary>
public enum AdversarialRole
{
    Discriminator,
    Generator,
}
