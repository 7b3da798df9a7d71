using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>How far a net's output is from its own input.</summary>
public enum ReconstructionError
{
    /// <summary>(y - x)².</summary>
    Squared,

    /// <summary>-(x·ln σ(y) + (1 - x)·ln(1 - σ(y))): outputs are logits, inputs lie in [0, 1].</summary>
    CrossEntropy,
}

/// <summary>loss = mean of (y - x)², or of the binary cross entropy, over samples and elements: the output must give the input x again (an autoencoder); the data's targets are not read.  Rumelhart, Hinton, Williams 1986; Hinton, Salakhutdinov 2006, doi:10.1126/science.1127647.</summary>
[Named("reconstruction")]
public sealed class Reconstruction(Reconstruction.Options options) : Loss
{
    /// <param name="Error">squared, or crossEntropy for inputs in [0, 1].</param>
    public sealed record Options(ReconstructionError Error = ReconstructionError.Squared);

    public override string? Misfit(Shape output, Shape target, TargetKind kind, int classes) => output.Length > 0 ? null : "the model gives nothing. It must give as many elements as its input has.";

    public override string? Misfit(Shape input, Shape output, Shape target, TargetKind kind, int classes) => input.Length == output.Length ? null
        : $"the loss is reconstruction and the model gives {output} for inputs of {input}. It must give {input.Length} elements: use the model autoencoder, or let the last layer have as many outputs as the input.";

    public override LossNode Record(Tape tape, Tensor output, TargetKind kind)
    {
        return options.Error == ReconstructionError.Squared ? ElementLoss.Record(tape, output, new ScaledSquare(1f), wanted: tape.Input)
            : ElementLoss.Record(tape, output, new LogisticLoss(1f), wanted: tape.Input);
    }
}
