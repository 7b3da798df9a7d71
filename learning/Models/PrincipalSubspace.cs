using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>
/// Principal component analysis as a network: x̂ = D·(E·x) + b with K numbers in the middle and nothing that bends, trained with the loss reconstruction. At its minimum the columns of D (1.weight) span the K leading
/// eigenvectors of the data's covariance and the loss is the sum of the other eigenvalues over the elements of x; <c>disttrain study exact</c> computes both.  Baldi, Hornik 1989, doi:10.1016/0893-6080(89)90014-2.
/// </summary>
[Named("pca")]
public sealed class PrincipalSubspace(PrincipalSubspace.Options options) : Model
{
    /// <param name="Components">K.</param>
    public sealed record Options([property: Range(1, 1 << 16)] int Components = 8);

    public override Layer Build(Shape input, int outputs) =>
        new Flattened(new Sequential(new Linear(new(options.Components, Bias: false)), new Linear(new(input.Length))));
}
