namespace DistTrain.Learning;

/// <summary>One thing that is wrong with what was given: where (a path such as <c>spec.optimizer.adam.lr</c>), what is set, what it must be, what to do.</summary>
/// <param name="Path">Where in the job spec.</param>
/// <param name="Message">A predicate: <c>is -1. It must be above 0.</c></param>
public sealed record Problem(string Path, string Message)
{
    public override string ToString() => $"{Path} {Message}";
}
