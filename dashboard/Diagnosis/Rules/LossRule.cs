using DistTrain.Contracts;

namespace DistTrain.Diagnosis;

/// <summary>When a rule is asked: an earlier stage's finding wins.</summary>
public enum RuleStage
{
    /// <summary>The numbers themselves are broken.</summary>
    Broken,

    /// <summary>There is too little to read.</summary>
    Data,

    /// <summary>The 3 x 3 table of trends: exactly one rule finds something.</summary>
    Table,

    /// <summary>A cause or a kinder reading of a table rule's finding; beside any other it is reported as also found.</summary>
    Refinement,
}

/// <summary>Names a rule, says when it is asked (lower order first within a stage).</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class RuleAttribute(string verdict, RuleStage stage, int order) : Attribute
{
    public string Verdict { get; } = verdict;

    public RuleStage Stage { get; } = stage;

    public int Order { get; } = order;
}

/// <summary>What a rule saw.</summary>
public sealed record Finding(double Confidence, string Sentence, IReadOnlyList<VerdictEvidence> Evidence, IReadOnlyList<string> Advice)
{
    /// <summary>How much it asks of its reader, where that is not what its rule usually asks.</summary>
    public VerdictSeverity? Severity { get; init; }

    /// <summary>The steps it rests on, where they are not the reading's window.</summary>
    public StepWindow? Window { get; init; }
}

/// <summary>One way to read the curves. A new rule is a new file with a <see cref="RuleAttribute"/>; it is found by itself.</summary>
public abstract class LossRule
{
    public abstract VerdictSeverity Severity { get; }

    /// <summary>Verdicts of the table that this one may stand in for, as it names their cause.</summary>
    public virtual IReadOnlyList<string> Refines => [];

    /// <summary>Why the rule cannot be asked; null when it can. Rules of stages before the table can always.</summary>
    public virtual string? Lacks(Reading reading) => null;

    /// <summary>The finding, or null where the rule does not hold.</summary>
    public abstract Finding? Judge(Reading reading);
}

/// <summary>A rule that owns cells of the 3 x 3 table.</summary>
public abstract class CellRule : LossRule
{
    /// <summary>The cells in which the rule holds.</summary>
    public abstract IReadOnlyList<Cell> Cells { get; }

    /// <summary>Whether the history gives this rule a cell that another owns.</summary>
    protected virtual bool Overrules(Reading reading) => false;

    /// <summary>Whether the history takes away a cell it owns.</summary>
    protected virtual bool Yields(Reading reading) => false;

    protected abstract Finding Describe(Reading reading);

    public override Finding? Judge(Reading reading) => Cells.Contains(reading.Cell) && !Yields(reading) || Overrules(reading) ? Describe(reading) : null;
}
