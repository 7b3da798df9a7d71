using System.CommandLine;
using System.CommandLine.Help;
using System.Text.Json.Nodes;
using DistTrain.Learning;
using DistTrain.Training.Specs;

namespace DistTrain.Cli;

/// <summary>The <c>disttrain</c> command: parses, runs a verb, turns every failure into a message and an exit code.</summary>
public static class DistTrainCommand
{
    /// <param name="cancellation">Stops as the first Ctrl-C does.</param>
    /// <returns>One of <see cref="ExitCode"/>.</returns>
    public static async Task<int> RunAsync(string[] args, TextWriter output, TextWriter error, CancellationToken cancellation = default)
    {
        var root = Root();
        var parse = root.Parse(args);
        var terminal = new Terminal(output, error, JsonAsked(args));
        if (parse.Action is not HelpWithExamples && Usage.Problems(parse) is { Count: > 0 } wrong)
            return Fail(terminal, ExitCode.Usage, [.. wrong.Select(message => new SpecProblem(default, "", message))], $"See: disttrain {Usage.VerbPath(parse)}--help");
        try
        {
            return await parse.InvokeAsync(new InvocationConfiguration { Output = output, Error = error, EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, cancellation);
        }
        catch (CommandException refused)
        {
            return Fail(terminal, refused.ExitCode, [new SpecProblem(default, "", refused.Message)]);
        }
        catch (SpecException problems)
        {
            return Fail(terminal, ExitCode.Usage, problems.Problems);
        }
        catch (DatasetException data)
        {
            return Fail(terminal, ExitCode.Usage, [new SpecProblem(default, "", data.Message)]);
        }
        catch (FileNotFoundException missing)
        {
            return Fail(terminal, ExitCode.NotFound, [new SpecProblem(default, "", missing.Message)]);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return Fail(terminal, ExitCode.Interrupted, [new SpecProblem(default, "", "interrupted.")]);
        }
        catch (IOException refused)
        {
            return Fail(terminal, ExitCode.JobFailed, [new SpecProblem(default, "", $"a file or the output could not be read or written: {refused.Message}")]);
        }
        catch (Exception unforeseen) when (unforeseen is not OutOfMemoryException)
        {
            return Fail(terminal, ExitCode.JobFailed, [new SpecProblem(default, "", $"the command failed in a way it does not know: {unforeseen}")]);
        }
    }

    internal static RootCommand Root()
    {
        var root = new RootCommand("Trains neural networks on many workers with the same bits for any number of them.")
        {
            TrainVerb.Make(), InitVerb.Make(), ValidateVerb.Make(), SummaryVerb.Make(), PredictVerb.Make(), PicturesVerb.Make(), ReplayVerb.Make(), CheckpointsVerb.Make(), DataVerb.Make(), CheckVerb.Make(), BenchVerb.Make(), DiagnoseVerb.Make(),
            SubmitVerb.Make(), JobVerbs.List(), JobVerbs.Status(), JobVerbs.Logs(), JobVerbs.Events(), JobVerbs.Why(), JobVerbs.Stop(), JobVerbs.Nodes(), JobVerbs.Spec(), MetricsVerb.Make(), ServeVerb.Make(), UpVerb.Make(),
            StudyVerb.Make(), VersionVerb.Make(), WorkerVerb.Make(),
        };
        foreach (var option in root.Options.ToArray())
            if (option is HelpOption help) help.Action = new HelpWithExamples((HelpAction)help.Action!);
            else if (option is VersionOption) root.Options.Remove(option);
        root.SetAction(parse => new HelpWithExamples(new HelpAction()).Invoke(parse));
        return root;
    }

    private static int Fail(Terminal terminal, int code, IReadOnlyList<SpecProblem> problems, string? hint = null)
    {
        foreach (var problem in problems) terminal.Error.WriteLine(problem.At.Source is null ? problem.Message : problem.ToString());
        if (hint is not null) terminal.Error.WriteLine(hint);
        if (!terminal.Json) return code;
        try
        {
            terminal.WriteJson(new JsonObject { ["status"] = "error", ["exitCode"] = code, ["problems"] = Problems.ToJson(problems) });
        }
        catch (IOException)
        {
            // Standard output may be what failed.
        }
        return code;
    }

    private static bool JsonAsked(string[] args)
    {
        for (var i = 0; i < args.Length; i++)
            if (args[i] is "-o=json" or "--output=json" or "-ojson" or "-o:json" or "--output:json" || args[i] is "-o" or "--output" && i + 1 < args.Length && args[i + 1] == "json") return true;
        return false;
    }
}
