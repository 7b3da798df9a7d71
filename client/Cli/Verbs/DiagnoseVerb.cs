using System.CommandLine;
using System.Text.Json.Nodes;
using DistTrain.Contracts;
using DistTrain.Diagnosis;
using DistTrain.Training.Specs;

namespace DistTrain.Cli;

/// <summary>Says what loss curves mean; curves come from a CSV file of any tool.</summary>
internal static class DiagnoseVerb
{
    public static Command Make()
    {
        var curves = new Option<string>("--curves") { Description = "CSV with columns step, train_loss, test_loss (any order; an empty cell = missing).", HelpName = "FILE.csv", Required = true };
        var failOn = new Option<string?>("--fail-on") { Description = "Exit 6 on findings: warn = any, error = only those that lead nowhere." }.AcceptOnlyFromAmong("warn", "error");
        var output = SharedOptions.Output();
        var verb = new Verb("diagnose", "Says what train and test loss mean: learning, over-fitting, a bottleneck, ... with evidence and advice.", "disttrain diagnose --curves losses.csv", "disttrain diagnose --curves losses.csv -o json --fail-on warn") { curves, failOn, output };
        verb.SetAction(parse =>
        {
            var terminal = parse.Terminal(output);
            var verdict = LossDiagnosis.Of(Read(parse.GetValue(curves)!));
            if (terminal.Json) terminal.WriteJson(ToJson(verdict));
            else WriteText(terminal.Out, verdict);
            return parse.GetValue(failOn) switch
            {
                "warn" when verdict.Worst >= VerdictSeverity.Warn => ExitCode.Findings,
                "error" when verdict.Worst >= VerdictSeverity.Error => ExitCode.Findings,
                _ => ExitCode.Ok,
            };
        });
        return verb;
    }

    /// <summary>The stable form: verdict, confidence, evidence, advice, window first.</summary>
    public static JsonObject ToJson(Verdict verdict) => new()
    {
        ["verdict"] = verdict.Name,
        ["confidence"] = verdict.Confidence,
        ["evidence"] = new JsonArray([.. verdict.Evidence.Select(e => new JsonObject { ["name"] = e.Name, ["value"] = double.IsFinite(e.Value) ? JsonValue.Create(e.Value) : null, ["text"] = e.Text })]),
        ["advice"] = new JsonArray([.. verdict.Advice.Select(a => JsonValue.Create(a))]),
        ["window"] = new JsonObject { ["fromStep"] = verdict.Window.FromStep, ["toStep"] = verdict.Window.ToStep },
        ["sentence"] = verdict.Sentence,
        ["severity"] = Severity(verdict.Severity),
        ["rule"] = verdict.Rule,
        ["alsoFound"] = new JsonArray([.. verdict.AlsoFound.Select(a => new JsonObject { ["verdict"] = a.Name, ["severity"] = Severity(a.Severity), ["sentence"] = a.Sentence })]),
        ["checksRan"] = new JsonArray([.. verdict.ChecksRan.Select(c => JsonValue.Create(c))]),
        ["checksSkipped"] = new JsonArray([.. verdict.ChecksSkipped.Select(c => new JsonObject { ["name"] = c.Name, ["reason"] = c.Reason })]),
    };

    private static TrainingCurves Read(string path)
    {
        try
        {
            using var reader = new StreamReader(path);
            return CurveFile.Read(reader);
        }
        catch (CurveFileException wrong)
        {
            throw new SpecException([.. wrong.Problems.Select(p => new SpecProblem(new SpecPosition(path, p.Line, p.Column), "", p.Message))]);
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new CommandException(ExitCode.NotFound, $"{path} is not there. Give --curves a CSV file with columns step, train_loss, test_loss.");
        }
        catch (Exception refused) when (refused is UnauthorizedAccessException or IOException)
        {
            throw new CommandException(ExitCode.Usage, $"{path} cannot be read: {refused.Message} Give --curves a CSV file with columns step, train_loss, test_loss.");
        }
    }

    private static void WriteText(TextWriter output, Verdict verdict)
    {
        var confidence = verdict.Severity is VerdictSeverity.Unknown ? "" : FormattableString.Invariant($"  (confidence {verdict.Confidence:0.00}, steps {verdict.Window.FromStep} to {verdict.Window.ToStep})");
        output.WriteLine($"{verdict.Name}{(verdict.Rule == verdict.Name ? "" : $", a {verdict.Rule}")}{confidence}");
        output.WriteLine(verdict.Sentence);
        if (verdict.Severity is not VerdictSeverity.Unknown)
        {
            output.WriteLine("Evidence:");
            foreach (var evidence in verdict.Evidence) output.WriteLine($"  - {evidence.Text}");
        }
        output.WriteLine("Advice:");
        foreach (var advice in verdict.Advice) output.WriteLine($"  - {advice}");
        if (verdict.AlsoFound.Count > 0) output.WriteLine("Also found:");
        foreach (var also in verdict.AlsoFound) output.WriteLine($"  - {also.Name}: {also.Sentence}");
        if (verdict.ChecksSkipped.Count > 0) output.WriteLine($"Not checked: {string.Join("; ", verdict.ChecksSkipped.Select(c => $"{c.Name} ({c.Reason})"))}");
    }

    private static string Severity(VerdictSeverity severity) => severity.ToString().ToLowerInvariant();
}
