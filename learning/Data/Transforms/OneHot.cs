namespace DistTrain.Learning;

/// <summary>Each named column becomes as many as it has different values in the training set, in ascending order: 1 for its value, 0 for the others, all 0 for a value that the training set lacks. The other columns stay, in front.</summary>
[Named("oneHot")]
public sealed class OneHot(OneHot.Options options) : Transform
{
    private const int MostValues = 4096;

    /// <param name="Columns">Features that are categories, from 0; none: all.</param>
    public sealed record Options(IReadOnlyList<int>? Columns = null);

    public override FittedTransform Fit(Dataset train)
    {
        var columns = Features.Columns(options.Columns ?? [], train, "oneHot");
        var values = columns.Select(_ => new SortedSet<float>()).ToArray();
        Features.Each(train, x =>
        {
            for (var c = 0; c < columns.Length; c++)
                if (values[c].Add(x[columns[c]]) && values[c].Count > MostValues)
                    throw new DatasetException($"column {columns[c]} has more than {MostValues} different values. oneHot takes categories: leave the column out of columns.");
        });
        var others = Enumerable.Range(0, train.InputShape.Length).Except(columns).ToArray();
        var places = values.Select(set => set.Select((value, i) => (value, i)).ToDictionary(p => p.value, p => p.i)).ToArray();
        return new FittedTransform(new Shape(others.Length + values.Sum(v => v.Count)), (x, y) =>
        {
            y.Clear();
            for (var i = 0; i < others.Length; i++) y[i] = x[others[i]];
            var at = others.Length;
            for (var c = 0; c < columns.Length; at += places[c].Count, c++)
                if (places[c].TryGetValue(x[columns[c]], out var place)) y[at + place] = 1f;
        });
    }
}
