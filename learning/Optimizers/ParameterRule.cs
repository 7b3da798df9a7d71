namespace DistTrain.Learning;

/// <summary>How parameters of certain names are trained. One file a rule, found by [Named].</summary>
/// <param name="pattern">A parameter's name, or a part of it with * for the rest: <c>fc.*</c>, <c>*.bias</c>.</param>
public abstract class ParameterRule(string pattern)
{
    /// <summary>As in the spec.</summary>
    public string Pattern { get; } = pattern;

    /// <summary>What the learning rate is multiplied by; 0 = frozen.</summary>
    public abstract double Factor { get; }

    public bool Matches(string parameter) => Matches(Pattern, parameter);

    private static bool Matches(ReadOnlySpan<char> pattern, ReadOnlySpan<char> name)
    {
        if (pattern.IsEmpty) return name.IsEmpty;
        if (pattern[0] != '*') return !name.IsEmpty && pattern[0] == name[0] && Matches(pattern[1..], name[1..]);
        for (var skip = 0; skip <= name.Length; skip++)
            if (Matches(pattern[1..], name[skip..])) return true;
        return false;
    }
}

/// <summary>These parameters keep their values: no update, no weight decay, and their gradients do not count in the norm.</summary>
[Named("freeze")]
public sealed class Freeze(Freeze.Options options) : ParameterRule(options.Match)
{
    /// <param name="Match">Names of parameters; * stands for anything.</param>
    public sealed record Options(string Match);

    public override double Factor => 0;
}

/// <summary>These parameters learn at a rate of their own, factor times the job's: fine-tuning gives the new layer 10 to 1000 times the rate of the body.</summary>
[Named("rate")]
public sealed class RateOf(RateOf.Options options) : ParameterRule(options.Match)
{
    /// <param name="Match">Names of parameters; * stands for anything.</param>
    /// <param name="By">The factor.</param>
    public sealed record Options(string Match, [property: System.ComponentModel.DataAnnotations.Range(0.0, 1e6, MinimumIsExclusive = true)] double By = 10.0);

    public override double Factor => options.By;
}
