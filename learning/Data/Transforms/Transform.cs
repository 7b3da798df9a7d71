namespace DistTrain.Learning;

/// <summary>A change of every sample's features, training and test alike, whose numbers come from the training set. One file a transform, found by [Named].</summary>
public abstract class Transform
{
    /// <summary>Looks at the training set.</summary>
    /// <exception cref="DatasetException">It does not suit.</exception>
    public abstract FittedTransform Fit(Dataset train);
}

/// <summary>A transform with its numbers.</summary>
/// <param name="Output">One sample's shape after it.</param>
/// <param name="Apply">Writes a sample's features after it from those before; called from several threads.</param>
public sealed record FittedTransform(Shape Output, ChangeFeatures Apply)
{
    /// <summary>A sample takes more than a pass over its features: what came out is kept, where it is always the same and memory is there for it.</summary>
    public bool IsWork { get; init; }

    /// <summary>A data set after it.</summary>
    public Dataset Of(Dataset source) => new Transformed(source, this);
}

/// <summary>y is overwritten.</summary>
public delegate void ChangeFeatures(ReadOnlySpan<float> x, Span<float> y);

/// <summary>A data set after a transform.</summary>
internal sealed class Transformed(Dataset source, FittedTransform transform) : Dataset
{
    // 64 MiB.
    private const long MostKept = 1 << 24;

    private readonly System.Collections.Concurrent.ConcurrentBag<float[]> _rows = [];

    // Where the source draws anew in each epoch, it is costly too.
    private readonly float[]?[]? _kept = transform.IsWork && !source.IsCostly && (long)source.Count * transform.Output.Length <= MostKept ? new float[source.Count][] : null;

    public override int Count => source.Count;

    public override Shape InputShape => transform.Output;

    public override Shape TargetShape => source.TargetShape;

    public override TargetKind TargetKind => source.TargetKind;

    public override int Classes => source.Classes;

    public override DatasetIdentity Identity => source.Identity;

    public override bool IsCostly => source.IsCostly;

    public override void Read(int index, Span<float> input, Span<int> target) => Read(index, 0, input, target);

    public override void Read(int index, long epoch, Span<float> input, Span<int> target)
    {
        if (!_rows.TryTake(out var row)) row = new float[source.InputShape.Length];
        source.Read(index, epoch, row, target);
        if (_kept?[index] is { } known) known.CopyTo(input);
        else
        {
            transform.Apply(row, input);
            if (_kept is not null) _kept[index] = input.ToArray();
        }
        _rows.Add(row);
    }
}

/// <summary>A training set's features, read once: one row a sample.</summary>
internal static class Features
{
    /// <summary>The samples in order, one at a time; the span is valid until the next.</summary>
    public static void Each(Dataset data, Action<float[]> row)
    {
        var (input, target) = (new float[data.InputShape.Length], new int[data.TargetShape.Length]);
        for (var i = 0; i < data.Count; i++)
        {
            data.Read(i, input, target);
            row(input);
        }
    }

    /// <summary>Columns as an option names them, or all.</summary>
    public static int[] Columns(IReadOnlyList<int> named, Dataset data, string transform)
    {
        var width = data.InputShape.Length;
        foreach (var column in named)
            if (column < 0 || column >= width) throw new DatasetException($"the option columns of {transform} has {column}. It must be between 0 and {width - 1}: a sample has {width} features, counted from 0.");
        if (named.Distinct().Count() != named.Count) throw new DatasetException($"the option columns of {transform} names a column twice. Each must stand there once.");
        return named.Count > 0 ? [.. named] : [.. Enumerable.Range(0, width)];
    }
}
