using System.CommandLine;
using DistTrain.Client;
using DistTrain.Contracts;
using DistTrain.Training.Specs;

namespace DistTrain.Cli;

/// <summary>Hands a job to a cluster. Sent again with the same --id, it is the same job.</summary>
internal static class SubmitVerb
{
    public static Command Make()
    {
        var path = new Argument<string>("job") { Description = "A job file, YAML or JSON; - = standard input." };
        var set = new Option<string[]>("--set") { Description = "Override a field: training.batchSize=128, optimizer.lr=0.01.", Arity = ArgumentArity.OneOrMore, AllowMultipleArgumentsPerToken = false, HelpName = "path=value" };
        var id = new Option<string?>("--id") { Description = "A name for this submission: sending it again with the same name makes no second job.", HelpName = "KEY" };
        var wait = new Option<bool>("--wait") { Description = "Follow it until it ends; Ctrl-C lets it train on." };
        var server = new ServerOptions(waits: true);
        var verb = new Verb("submit", "Submits a job to a cluster.", "disttrain submit my-job.yaml --wait", "disttrain submit my-job.yaml --set optimizer.lr=0.01 --id nightly-7 --server https://gateway:7070") { path, set, id, wait };
        server.AddTo(verb);
        verb.SetAction((parse, cancellation) => server.AskAsync(parse, async (client, terminal) =>
        {
            var overrides = parse.GetValue(set) ?? [];
            foreach (var one in overrides) SpecOverride.Parse(one);
            var text = await TextAsync(parse.GetValue(path)!, cancellation).ConfigureAwait(false);
            // The same id for every try, so that an answer that is lost on the way costs nothing.
            var submission = new JobSubmission(parse.GetValue(id) ?? Guid.NewGuid().ToString("N"), text, overrides);
            JobStatus status;
            try
            {
                status = await client.SubmitAsync(submission, cancellation).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                throw new CommandException(ExitCode.Interrupted, $"interrupted before the server had answered: the job may train. See: {Invocation.Name} ps; or submit again with --id {submission.Id}, which makes no second job.");
            }
            if (!parse.GetValue(wait))
            {
                if (terminal.Json) JobText.WriteJson(terminal, status, ClusterJson.Plain.JobStatus);
                else terminal.Out.WriteLine($"{status.Job} is {status.State}. Follow it with: {Invocation.Name} logs -f {status.Job}");
                return ExitCode.Ok;
            }
            terminal.Error.WriteLine($"{status.Job} is {status.State}");
            client.KeepTrying = true; // it was there: a restart is worth waiting for
            return await WaitAsync(client, status.Job, terminal, cancellation).ConfigureAwait(false);
        }));
        return verb;
    }

    private static async Task<int> WaitAsync(DistTrainClient client, string job, Terminal terminal, CancellationToken cancellation)
    {
        using var signals = new StopSignals(cancellation, () => { });
        try
        {
            // With -o json standard output is for the one object at the end.
            await JobFollower.FollowAsync(client, job, new Terminal(terminal.Error, terminal.Error, json: false), signals.Token).ConfigureAwait(false);
            var status = await client.GetAsync(job, signals.Token).ConfigureAwait(false);
            if (terminal.Json) JobText.WriteJson(terminal, status, ClusterJson.Plain.JobStatus);
            else JobText.WriteStatus(terminal, status, await client.DiagnoseAsync(job, signals.Token).ConfigureAwait(false), []);
            return status.State switch
            {
                JobStates.Succeeded => ExitCode.Ok,
                JobStates.Failed => ExitCode.JobFailed,
                _ => ExitCode.Interrupted,
            };
        }
        catch (ClusterException gone) when (gone.Error is ClusterError.Unreachable)
        {
            throw ServerOptions.Gone(client, job, gone);
        }
        catch (OperationCanceledException) when (signals.Token.IsCancellationRequested && client.IsLost)
        {
            throw new CommandException(ExitCode.Interrupted, $"interrupted while {client.Server} did not answer: the state of {job} is not known. Look again with: {Invocation.Name} status {job}");
        }
        catch (OperationCanceledException) when (signals.Token.IsCancellationRequested)
        {
            terminal.Error.WriteLine($"{Environment.NewLine}{job} trains on. Follow it with: {Invocation.Name} logs -f {job}; stop it with: {Invocation.Name} stop {job}");
            return ExitCode.Interrupted;
        }
    }

    private static async Task<string> TextAsync(string path, CancellationToken cancellation)
    {
        if (Directory.Exists(path)) throw new CommandException(ExitCode.Usage, $"{path} is a folder. Name a job file in it, YAML or JSON; write one with: {Invocation.Name} init my-job");
        try
        {
            return path == "-" ? await Console.In.ReadToEndAsync(cancellation).ConfigureAwait(false) : await File.ReadAllTextAsync(path, cancellation).ConfigureAwait(false);
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new CommandException(ExitCode.NotFound, $"{path} is not there. Write a job file with: {Invocation.Name} init {Path.GetFileNameWithoutExtension(path)}");
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCode.Usage, $"{path} cannot be read: {refused.Message}");
        }
    }
}
