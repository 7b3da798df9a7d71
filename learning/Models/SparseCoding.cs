using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>A code with more atoms than the input has elements, few of them active: x ≈ D·h + b, h = relu(E·x + c), each |h| counting l1 in training; trained with the loss reconstruction. The columns of D (3.weight) are the atoms.  Olshausen, Field 1996, doi:10.1038/381607a0; Ng 2011.</summary>
[Named("sparseCoding")]
public sealed class SparseCoding(SparseCoding.Options options) : Model
{
    /// <param name="Atoms">Elements of the code.</param>
    /// <param name="L1">What |h| counts.</param>
    public sealed record Options([property: Range(1, 1 << 24)] int Atoms = 256, [property: Range(0.0, 1e6)] float L1 = 1e-3f);

    public override Layer Build(Shape input, int outputs) =>
        new Flattened(new Sequential(new Linear(new(options.Atoms)), new Relu(), new Sparsity(new(options.L1)), new Linear(new(input.Length))));
}
