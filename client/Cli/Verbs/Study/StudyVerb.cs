namespace DistTrain.Cli;

/// <summary><c>study</c>: why training does what it does, on small problems: paths, exact answers, where error comes from, when to stop, gradients by another way.</summary>
internal static class StudyVerb
{
    public static Verb Make() => new("study", "Studies of training on small problems, each with a table and, where it helps, a picture.", "disttrain study path", "disttrain study variance samples/jobs/curve-variance.yaml")
    {
        PathStudy.Make(), ExactStudy.Make(), VarianceStudy.Make(), StoppingStudy.Make(), RecurrenceStudy.Make(),
    };
}
