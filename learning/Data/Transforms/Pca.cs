using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>
/// Principal components: y_k = v_k·(x - mean), v_k the eigenvectors of the training set's covariance (divided by N), largest eigenvalue first; with whiten y_k / √(λ_k + epsilon): decorrelated features
/// of deviation 1. Pearson 1901, doi:10.1080/14786440109462720.
/// </summary>
[Named("pca")]
public sealed class Pca(Pca.Options options) : Transform
{
    private const int MostFeatures = 1024;

    /// <param name="Components">How many to keep; not given: all.</param>
    /// <param name="Whiten">Divides each by its deviation.</param>
    /// <param name="Epsilon">Added to eigenvalues before the root.</param>
    public sealed record Options([property: Range(1, MostFeatures)] int? Components = null, bool Whiten = false, [property: Range(0.0, 1e6)] double Epsilon = 1e-8);

    public override FittedTransform Fit(Dataset train)
    {
        var width = train.InputShape.Length;
        if (width > MostFeatures) throw new DatasetException($"pca is given {width} features. At most {MostFeatures} are taken: make images smaller first.");
        var kept = options.Components ?? width;
        if (kept > width) throw new DatasetException($"the option components of pca is {kept}. It must be at most {width}, the features of a sample.");
        var (mean, products) = (new double[width], new double[width, width]);
        Features.Each(train, x =>
        {
            for (var i = 0; i < width; i++) mean[i] += x[i];
        });
        for (var i = 0; i < width; i++) mean[i] /= train.Count;
        var centred = new double[width];
        Features.Each(train, x =>
        {
            for (var i = 0; i < width; i++) centred[i] = x[i] - mean[i];
            for (var a = 0; a < width; a++)
                for (var b = a; b < width; b++) products[a, b] += centred[a] * centred[b];
        });
        for (var a = 0; a < width; a++)
            for (var b = a; b < width; b++) products[a, b] = products[b, a] = products[a, b] / train.Count;
        var (values, vectors) = SymmetricEigen.Of(products);
        var scale = Array.ConvertAll(values, value => options.Whiten ? 1 / Math.Sqrt(Math.Max(0, value) + options.Epsilon) : 1.0);
        return new FittedTransform(new Shape(kept), (x, y) =>
        {
            for (var k = 0; k < kept; k++)
            {
                var sum = 0.0;
                for (var i = 0; i < width; i++) sum += vectors[k][i] * (x[i] - mean[i]);
                y[k] = (float)(sum * scale[k]);
            }
        }) { IsWork = true };
    }
}
