using System.Globalization;
using DistTrain.Contracts;
using DistTrain.Diagnosis;

namespace DistTrain.Training;

/// <summary>
/// Acts on verdicts: after each committed evaluation the curves so far are judged, and a verdict that the job's onVerdict names ends the run. The curves are made of committed records alone, so
/// the same job ends at the same step wherever it runs. A verdict must hold at two evaluations in a row, but for nan and diverged, which nothing heals.
/// </summary>
internal sealed class VerdictWatch
{
    private readonly DiagnosisSpec _actions;
    private CurveCollector _curves = new();
    private string _last = "";

    private VerdictWatch(DiagnosisSpec actions) => _actions = actions;

    /// <summary>null where no verdict leads to anything.</summary>
    public static VerdictWatch? Of(ResolvedJob job) => job.Diagnosis.Acts ? new VerdictWatch(job.Diagnosis) : null;

    /// <summary>What ended the run; null while nothing has.</summary>
    public VerdictEnd? Ended { get; private set; }

    /// <summary>The committed records of a run that is gone on with, or that has gone back. A run that a verdict had ended is ended by it again.</summary>
    public VerdictEnd? Restart(LossLog log)
    {
        (_curves, _last, Ended) = (new CurveCollector(), "", null);
        for (var i = 0; i < log.Count; i++) Add(log[i], null);
        return Ended;
    }

    /// <summary>One more committed record, in order.</summary>
    /// <returns>What ends the run now.</returns>
    public VerdictEnd? Add(in LossRecord record, IReadOnlyDictionary<string, double>? values)
    {
        var evaluation = record.Kind == LossRecordKind.Evaluation;
        var accuracy = record.Samples > 0 ? (double)record.Correct / record.Samples : double.NaN;
        _curves.Add(evaluation, evaluation ? record.Step : record.Step + 1, record.Loss, accuracy, record.LearningRate, record.GradientNorm, values);
        if (!evaluation || Ended is not null) return null;
        var verdict = LossDiagnosis.Of(_curves.Curves);
        var (action, again) = (_actions.On(verdict.Name), verdict.Name == _last || verdict.Name is VerdictNames.NotANumber or VerdictNames.Diverged);
        _last = verdict.Name;
        if (action == DiagnosisSpec.Nothing || !again) return null;
        return Ended = new VerdictEnd(action == DiagnosisSpec.Stop, string.Create(CultureInfo.InvariantCulture, $"the verdict after {record.Step} steps is {verdict.Name}: {verdict.Sentence} diagnosis.onVerdict says {action}."));
    }
}

/// <summary>A verdict that ended a run.</summary>
/// <param name="IsStop">stop rather than earlyStop.</param>
internal sealed record VerdictEnd(bool IsStop, string Reason);
