namespace DistTrain.Contracts;

/// <summary>Where a property stands in a job file, if not at spec.&lt;section&gt;.&lt;name&gt;: <c>metadata.name</c>, <c>keep.last</c>.</summary>
/// <param name="path">Dotted; from the document's root for <see cref="JobSpec"/>, from the section elsewhere. Empty: the property has no field of its own.</param>
[AttributeUsage(AttributeTargets.Property)]
public sealed class SpecFieldAttribute(string path) : Attribute
{
    public string Path { get; } = path;

    /// <summary>The job file must have it.</summary>
    public bool Required { get; init; }

    /// <summary>The property that takes the upper end where the file may say <c>2..8</c>.</summary>
    public string? UpperEnd { get; init; }

    /// <summary>The kind of component (optimizer, layer, ...) a <see cref="ComponentSpec"/> names.</summary>
    public string? Component { get; init; }

    /// <summary>A text that fits the pattern, for the message that says it must.</summary>
    public string? Example { get; init; }
}
