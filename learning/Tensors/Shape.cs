namespace DistTrain.Learning;

/// <summary>Axis lengths, outermost first; row-major.</summary>
public readonly struct Shape : IEquatable<Shape>
{
    private readonly int[]? _axes;

    public Shape(params ReadOnlySpan<int> axes)
    {
        foreach (var length in axes)
            if (length < 0) throw new ArgumentOutOfRangeException(nameof(axes), $"an axis length is {length}; it must be 0 or more.");
        _axes = axes.ToArray();
    }

    public ReadOnlySpan<int> Axes => _axes;

    public int Rank => Axes.Length;

    public int this[int axis] => axis < 0 ? Axes[Rank + axis] : Axes[axis];

    /// <summary>Elements; 1 for a scalar.</summary>
    public int Length
    {
        get
        {
            var length = 1;
            foreach (var axis in Axes) length = checked(length * axis);
            return length;
        }
    }

    public static bool operator ==(Shape a, Shape b) => a.Equals(b);

    public static bool operator !=(Shape a, Shape b) => !a.Equals(b);

    public bool Equals(Shape other) => Axes.SequenceEqual(other.Axes);

    public override bool Equals(object? obj) => obj is Shape other && Equals(other);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var axis in Axes) hash.Add(axis);
        return hash.ToHashCode();
    }

    public override string ToString() => $"[{string.Join(", ", Axes.ToArray())}]";
}
