namespace DistTrain.Training.Specs;

/// <summary>A place in a job file: 1-based line and column; 0 where there is none (an override, a missing field).</summary>
public readonly record struct SpecPosition(string Source, int Line, int Column)
{
    public override string ToString() => Line > 0 ? $"{Source}:{Line}:{Column}" : Source;
}

/// <summary>One thing wrong with a job: where, the path of the field, and what is set, what it must be, what to do.</summary>
/// <param name="Path">From the document's root: <c>spec.model[2].conv2d.kernel</c>; empty for the file as a whole.</param>
/// <param name="Message">A predicate of the path: <c>is -1. It must be above 0.</c></param>
public sealed record SpecProblem(SpecPosition At, string Path, string Message)
{
    public override string ToString() => Path.Length > 0 ? $"{At}: {Path} {Message}" : $"{At}: {Message}";
}

/// <summary>A job that cannot be used, with every problem found.</summary>
public sealed class SpecException(IReadOnlyList<SpecProblem> problems)
    : Exception(string.Join(Environment.NewLine, problems))
{
    public IReadOnlyList<SpecProblem> Problems { get; } = problems;
}
