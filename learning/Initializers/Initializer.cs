namespace DistTrain.Learning;

/// <summary>First values of a parameter: a pure function of the job's seed and the parameter's name, the same on every machine. One file a rule, found by [Named].</summary>
public abstract class Initializer
{
    /// <summary>null, or why this is no rule for such a parameter: what it is, what it must be, what to do.</summary>
    public virtual string? Misfit(Shape shape, Fan fan) => null;

    /// <param name="values">The parameter's elements, row-major; overwritten.</param>
    /// <param name="fan">Connections into and out of one unit.</param>
    /// <param name="key">This parameter's own Philox key.</param>
    public abstract void Fill(Span<float> values, Fan fan, ulong key);
}

/// <summary>Which connections a Kaiming rule keeps the variance of.</summary>
public enum FanMode
{
    /// <summary>Into a unit: the forward signal.</summary>
    FanIn,

    /// <summary>Out of a unit: the backward signal.</summary>
    FanOut,
}
