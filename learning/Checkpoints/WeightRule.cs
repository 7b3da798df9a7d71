namespace DistTrain.Learning;

/// <summary>What becomes of tensors of a weights file whose names fit a pattern. One file's rules are tried in order; the first that fits counts. Found by [Named].</summary>
/// <param name="pattern">A name, with at most one * that stands for anything.</param>
public abstract class WeightRule(string pattern)
{
    /// <summary>As in the spec.</summary>
    public string Pattern { get; } = pattern;

    /// <summary>What * stands for in the name; null where it does not fit.</summary>
    public virtual string? Fits(string name)
    {
        var star = Pattern.IndexOf('*', StringComparison.Ordinal);
        if (star < 0) return name == Pattern ? "" : null;
        var (before, after) = (Pattern[..star], Pattern[(star + 1)..]);
        return name.Length >= before.Length + after.Length && name.StartsWith(before, StringComparison.Ordinal) && name.EndsWith(after, StringComparison.Ordinal)
            ? name[before.Length..(name.Length - after.Length)] : null;
    }

    /// <summary>Its name in the model; null: it is left out.</summary>
    /// <param name="rest">What * stands for.</param>
    public abstract string? NameOf(string rest);
}

/// <summary>Tensors of these names are called otherwise in the model.</summary>
[Named("rename")]
public sealed class RenameWeights(RenameWeights.Options options) : WeightRule(options.Match)
{
    /// <param name="Match">Names in the file; one * stands for anything.</param>
    /// <param name="To">The name in the model; a * takes what the other one stood for.</param>
    public sealed record Options(string Match, string To);

    public override string NameOf(string rest) => options.To.Replace("*", rest, StringComparison.Ordinal);
}

/// <summary>Tensors of these names are left out: the old head of a network that gets a new one.</summary>
[Named("skip")]
public sealed class SkipWeights(SkipWeights.Options options) : WeightRule(options.Match)
{
    /// <param name="Match">Names in the file; one * stands for anything.</param>
    public sealed record Options(string Match);

    public override string? NameOf(string rest) => null;
}
