using System.CommandLine;
using System.Text.Json.Nodes;
using DistTrain.Contracts;
using DistTrain.Diagnosis;
using DistTrain.Training.Specs;

namespace DistTrain.Cli;

/// <summary>Says what loss curves mean: of a job on a cluster, of a run on this machine, or from a CSV file of any tool.</summary>
internal static class DiagnoseVerb
{
    public static Command Make()
    {
        var job = new Argument<string?>("job") { Description = "A job of a cluster, or the folder of a run, such as runs/digits.", Arity = ArgumentArity.ZeroOrOne };
        var curves = new Option<string?>("--curves") { Description = "CSV with columns step, train_loss, test_loss (any order; an empty cell = missing).", HelpName = "FILE.csv" };
        var failOn = new Option<string?>("--fail-on") { Description = "Exit 6 on findings: warn = any, error = only those that lead nowhere." }.AcceptOnlyFromAmong("warn", "error");
        var server = new ServerOptions();
        var verb = new Verb("diagnose", "Says what train and test loss mean: learning, over-fitting, a bottleneck, ... with evidence and advice.", "disttrain diagnose runs/digits", "disttrain diagnose mnist-lenet-1a2b3c", "disttrain diagnose --curves losses.csv -o json --fail-on warn") { job, curves, failOn };
        server.AddTo(verb);
        verb.SetAction(async (parse, cancellation) =>
        {
            var terminal = parse.Terminal(server.Output);
            var (file, name) = (parse.GetValue(curves), parse.GetValue(job));
            if (file is null == name is null) throw new CommandException(ExitCode.Usage, file is null ? "there is nothing to diagnose. Name a job, the folder of a run (runs/digits), or a file with --curves FILE.csv." : $"both {name} and --curves {file} are set. Give one of them.");
            if (file is null && (server.IsNamed(parse, asOption: true) || !RunPoints.IsFolder(name!))) return await server.AskAsync(parse, async (client, _) => Say(await client.DiagnoseAsync(await JobVerbs.IdAsync(client, name!, cancellation).ConfigureAwait(false), cancellation).ConfigureAwait(false))).ConfigureAwait(false);
            return Say(LossDiagnosis.Of(file is not null ? Read(file) : RunCurves.Read(name!)));

            int Say(Verdict verdict)
            {
                if (terminal.Json) terminal.WriteJson(ToJson(verdict));
                else WriteText(terminal.Out, verdict);
                return parse.GetValue(failOn) switch
                {
                    "warn" when verdict.Worst >= VerdictSeverity.Warn => ExitCode.Findings,
                    "error" when verdict.Worst >= VerdictSeverity.Error => ExitCode.Findings,
                    _ => ExitCode.Ok,
                };
            }
        });
        return verb;
    }

    /// <summary>The API's form: verdict, confidence, evidence, advice, window first.</summary>
    public static JsonObject ToJson(Verdict verdict) => (JsonObject)JobText.Node(verdict, ClusterJson.Plain.Verdict);

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
}
