namespace DistTrain.Learning;

/// <summary>The features, then the product of each two different ones of the named columns: of one-hot categories, a feature for each combination of values.</summary>
[Named("cross")]
public sealed class CrossFeatures(CrossFeatures.Options options) : Transform
{
    private const int MostFeatures = 1 << 20;

    /// <param name="Columns">Features to cross, from 0; none: all.</param>
    public sealed record Options(IReadOnlyList<int>? Columns = null);

    public override FittedTransform Fit(Dataset train)
    {
        var (columns, width) = (Features.Columns(options.Columns ?? [], train, "cross"), train.InputShape.Length);
        if (width + (long)columns.Length * (columns.Length - 1) / 2 is var features && features > MostFeatures) throw new DatasetException($"cross makes {features} features of {columns.Length} columns. At most {MostFeatures} are taken: name fewer columns.");
        return new FittedTransform(new Shape((int)features), (x, y) =>
        {
            x.CopyTo(y);
            var at = x.Length;
            for (var a = 0; a < columns.Length; a++)
                for (var b = a + 1; b < columns.Length; b++) y[at++] = x[columns[a]] * x[columns[b]];
        });
    }
}
