using System.Reflection;
using DistTrain.Contracts;

namespace DistTrain.Diagnosis;

/// <summary>All rules in the order in which they are asked.</summary>
public sealed class RuleBook
{
    private readonly IReadOnlyList<(RuleAttribute Of, LossRule Rule)> _rules;

    /// <exception cref="InvalidOperationException">Two rules give the same verdict, or stand at the same place.</exception>
    public RuleBook(IEnumerable<LossRule> rules)
    {
        _rules = [.. rules.Select(rule => (Of: AttributeOf(rule), Rule: rule)).OrderBy(r => r.Of.Stage).ThenBy(r => r.Of.Order)];
        for (var i = 0; i < _rules.Count; i++)
            for (var j = 0; j < i; j++)
            {
                if (_rules[i].Of.Verdict == _rules[j].Of.Verdict) throw new InvalidOperationException($"{_rules[i].Rule.GetType().Name} and {_rules[j].Rule.GetType().Name} both give \"{_rules[i].Of.Verdict}\". Give one of them another name.");
                if ((_rules[i].Of.Stage, _rules[i].Of.Order) == (_rules[j].Of.Stage, _rules[j].Of.Order)) throw new InvalidOperationException($"{_rules[i].Rule.GetType().Name} and {_rules[j].Rule.GetType().Name} both have order {_rules[i].Of.Order} in stage {_rules[i].Of.Stage}. Give one of them another order.");
            }
    }

    /// <summary>Every rule of this assembly.</summary>
    public static RuleBook Standard { get; } = new(typeof(RuleBook).Assembly.GetTypes().Where(t => t.GetCustomAttribute<RuleAttribute>() is not null).Select(t => (LossRule)Activator.CreateInstance(t)!));

    public IEnumerable<LossRule> Rules => _rules.Select(r => r.Rule);

    /// <summary>Asks the rules in order; the first finding of an early stage or of the table is the verdict, and refinements follow.</summary>
    public Verdict Judge(Reading reading)
    {
        var (ran, skipped) = (new List<string>(), new List<SkippedCheck>());
        (RuleAttribute Of, LossRule Rule, Finding Finding)? found = null;
        var more = new List<(RuleAttribute Of, LossRule Rule, Finding Finding)>();
        foreach (var (of, rule) in _rules)
        {
            if (of.Stage is RuleStage.Table && found is not null)
            {
                if (found.Value.Of.Stage < RuleStage.Table) skipped.Add(new SkippedCheck(of.Verdict, $"the verdict is {found.Value.Of.Verdict}"));
                else ran.Add(of.Verdict);
                continue;
            }
            if (of.Stage < RuleStage.Table && found is not null) continue;
            // Good news needs the data that the table needs.
            if (of.Stage is RuleStage.Refinement && rule.Severity is VerdictSeverity.Ok && found?.Of.Stage < RuleStage.Table)
            {
                skipped.Add(new SkippedCheck(of.Verdict, $"the verdict is {found.Value.Of.Verdict}"));
                continue;
            }
            if (rule.Lacks(reading) is { } reason)
            {
                skipped.Add(new SkippedCheck(of.Verdict, reason));
                continue;
            }
            ran.Add(of.Verdict);
            if (rule.Judge(reading) is not { } finding) continue;
            if (of.Stage is RuleStage.Refinement) more.Add((of, rule, finding));
            else found = (of, rule, finding);
        }
        if (found is null) throw new InvalidOperationException($"No rule of the table owns the cell {reading.Cell}. Every cell needs one.");
        return Compose(reading, found.Value, more, ran, skipped);
    }

    private static Verdict Compose(Reading reading, (RuleAttribute Of, LossRule Rule, Finding Finding) found, List<(RuleAttribute Of, LossRule Rule, Finding Finding)> more, List<string> ran, List<SkippedCheck> skipped)
    {
        var head = found;
        var cause = more.FindIndex(m => m.Rule.Refines.Contains(found.Of.Verdict));
        if (cause >= 0)
        {
            head = more[cause];
            more.RemoveAt(cause);
        }
        // The cause's advice first; the rule's own follows, as it still holds. A kinder reading has no use for it.
        var advice = cause >= 0 && head.Rule.Severity > VerdictSeverity.Ok ? [.. head.Finding.Advice, .. found.Finding.Advice.Except(head.Finding.Advice)] : head.Finding.Advice;
        var evidence = cause >= 0 ? [.. head.Finding.Evidence, .. found.Finding.Evidence] : head.Finding.Evidence;
        return new Verdict(
            head.Of.Verdict, found.Of.Verdict, head.Finding.Severity ?? head.Rule.Severity, head.Finding.Sentence, Math.Round(Math.Clamp(head.Finding.Confidence, 0, 1), 3), evidence, advice,
            head.Finding.Window ?? reading.Window, [.. more.Select(m => new AlsoFound(m.Of.Verdict, m.Finding.Severity ?? m.Rule.Severity, m.Finding.Sentence))], ran, skipped);
    }

    private static RuleAttribute AttributeOf(LossRule rule) =>
        rule.GetType().GetCustomAttribute<RuleAttribute>() ?? throw new InvalidOperationException($"{rule.GetType().Name} has no [Rule]. Name its verdict, stage and order there.");
}
