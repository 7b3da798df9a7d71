using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>The features and all their products of up to degree factors, in order: a, b, a², a·b, b², a³, ... (without the constant, which a layer's bias is).</summary>
[Named("polynomial")]
public sealed class PolynomialFeatures(PolynomialFeatures.Options options) : Transform
{
    private const int MostFeatures = 1 << 20;

    /// <param name="Degree">Most factors of a product.</param>
    public sealed record Options([property: Range(1, 16)] int Degree = 2);

    public override FittedTransform Fit(Dataset train)
    {
        var width = train.InputShape.Length;
        // A product is one of a degree lower times a feature not before its last: (earlier product, feature).
        var terms = new List<(int Product, int Feature)>();
        for (var i = 0; i < width; i++) terms.Add((-1, i));
        for (var (degree, from) = (2, 0); degree <= options.Degree; degree++)
        {
            var to = terms.Count;
            for (var t = from; t < to; t++)
                for (var i = terms[t].Feature; i < width; i++)
                {
                    terms.Add((t, i));
                    if (terms.Count > MostFeatures) throw new DatasetException($"polynomial of degree {options.Degree} makes more than {MostFeatures} features of {width}. Use a smaller degree, or fewer features.");
                }
            from = to;
        }
        var list = terms.ToArray();
        return new FittedTransform(new Shape(list.Length), (x, y) =>
        {
            for (var t = 0; t < list.Length; t++) y[t] = list[t].Product < 0 ? x[list[t].Feature] : y[list[t].Product] * x[list[t].Feature];
        });
    }
}
