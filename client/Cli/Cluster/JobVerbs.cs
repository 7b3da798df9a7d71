using System.CommandLine;
using System.Globalization;
using DistTrain.Client;
using DistTrain.Contracts;
using Spectre.Console;

namespace DistTrain.Cli;

/// <summary>Verbs that look at jobs of a cluster or stop them.</summary>
internal static class JobVerbs
{
    public static Verb List() => Make("ps", "Lists the jobs of a cluster.", null, ["disttrain ps", "disttrain ps -o json"], async (client, _, terminal, cancellation) =>
    {
        var jobs = await client.ListAsync(cancellation).ConfigureAwait(false);
        if (terminal.Json) JobText.WriteJson(terminal, [.. jobs], ClusterJson.Plain.JobStatusArray);
        else if (jobs.Count == 0) terminal.Error.WriteLine($"no jobs. Submit one with: {Invocation.Name} submit my-job.yaml");
        else JobText.WriteTable(terminal, jobs);
        return ExitCode.Ok;
    });

    public static Verb Status() => Make("status", "Says how a job stands.", Job(), ["disttrain status mnist-lenet-1a2b3c"], async (client, job, terminal, cancellation) =>
    {
        var status = await client.GetAsync(job, cancellation).ConfigureAwait(false);
        if (terminal.Json)
        {
            JobText.WriteJson(terminal, status, ClusterJson.Plain.JobStatus);
            return CodeOf(status);
        }
        var verdict = await client.DiagnoseAsync(job, cancellation).ConfigureAwait(false);
        var waits = await client.WhyAsync(job, cancellation).ConfigureAwait(false);
        JobText.WriteStatus(terminal, status, verdict, waits);
        return CodeOf(status);
    });

    public static Verb Why() => Make("why", "Says what a job waits for: who, for what, from whom, for how long.", Job(), ["disttrain why mnist-lenet-1a2b3c"], async (client, job, terminal, cancellation) =>
    {
        var waits = await client.WhyAsync(job, cancellation).ConfigureAwait(false);
        if (terminal.Json) JobText.WriteJson(terminal, [.. waits], ClusterJson.Plain.WaitReportArray);
        else if (waits.Count == 0)
        {
            var status = await client.GetAsync(job, cancellation).ConfigureAwait(false);
            terminal.Out.WriteLine(JobStates.IsEnd(status.State) ? $"the job has {status.State}{(status.Reason.Length > 0 ? $": {status.Reason}" : "")}; it waits for nothing." : "the job waits for nothing.");
        }
        else
        {
            foreach (var wait in waits) terminal.Out.WriteLine(wait.Text);
        }
        return ExitCode.Ok;
    });

    public static Verb Spec() => Make("describe", "Prints a job's spec with every default written out.", Job(), ["disttrain describe mnist-lenet-1a2b3c > job.yaml"], async (client, job, terminal, cancellation) =>
    {
        var yaml = await client.SpecAsync(job, cancellation).ConfigureAwait(false);
        if (terminal.Json) terminal.WriteJson(new System.Text.Json.Nodes.JsonObject { ["job"] = job, ["spec"] = yaml });
        else terminal.Out.Write(yaml);
        return ExitCode.Ok;
    });

    public static Verb Nodes() => Make("members", "Lists a job's workers, with where their time went, and its shards.", Job(), ["disttrain members mnist-lenet-1a2b3c"], async (client, job, terminal, cancellation) =>
    {
        var members = await client.MembersAsync(job, cancellation).ConfigureAwait(false);
        if (terminal.Json)
        {
            JobText.WriteJson(terminal, members, ClusterJson.Plain.JobMembers);
            return ExitCode.Ok;
        }
        var workers = new Table().Border(TableBorder.Simple).AddColumns("worker", "node", "device", "state", "lease", "compute s", "push s", "pull s", "wait s", "serve s");
        foreach (var w in members.Workers) workers.AddRow([.. new[] { w.Name, w.Node, w.Device, w.State, w.Lease, Number(w.ComputeSeconds), Number(w.PushSeconds), Number(w.PullSeconds), Number(w.WaitSeconds), Number(w.ServeSeconds) }.Select(Markup.Escape)]);
        var shards = new Table().Border(TableBorder.Simple).AddColumns("shard", "primary", "replica", "version", "floats");
        foreach (var s in members.Shards) shards.AddRow([.. new[] { $"{s.Number}", s.Primary, s.Replica, Whole(s.Version), Whole(s.Elements) }.Select(Markup.Escape)]);
        var drawing = terminal.Drawing(terminal.Out, terminal.OutDraws);
        drawing.Write(workers);
        drawing.Write(shards);
        return ExitCode.Ok;
    });

    /// <summary>Repeats by themselves: the same command, named once, is sent until it is recorded.</summary>
    public static Verb Stop()
    {
        var wait = new Option<bool>("--wait") { Description = "Until it has ended." };
        return Make("stop", "Stops a job at a checkpoint.", Job(), ["disttrain stop mnist-lenet-1a2b3c --wait"], async (client, job, terminal, parse, cancellation) =>
        {
            var status = await client.StopAsync(job, $"stop-{Guid.NewGuid():N}", cancellation).ConfigureAwait(false);
            client.KeepTrying = true;
            if (parse.GetValue(wait)) status = await EndAsync(client, status, cancellation).ConfigureAwait(false);
            if (terminal.Json) JobText.WriteJson(terminal, status, ClusterJson.Plain.JobStatus);
            else terminal.Out.WriteLine($"{status.Job} {(JobStates.IsEnd(status.State) ? $"has {status.State}" : $"is {status.State}")} at step {JobText.Steps(status)}");
            return ExitCode.Ok;
        }, [wait], waits: true);
    }

    public static Verb Events() => Make("events", "Lists a job's events: joins, losses, promotions, checkpoints.", Job(), ["disttrain events mnist-lenet-1a2b3c"], async (client, job, terminal, cancellation) =>
    {
        for (var (after, more) = (0L, true); more;)
        {
            var page = await client.EventPageAsync(job, after, cancellation: cancellation).ConfigureAwait(false);
            foreach (var happened in page.Events) Write(terminal, happened);
            (after, more) = (page.After, page.More);
        }
        return ExitCode.Ok;
    });

    /// <summary>Events and evaluations as they happen.</summary>
    public static Verb Logs()
    {
        var follow = new Option<bool>("--follow", "-f") { Description = "Go on until the job ends." };
        return Make("logs", "Prints a job's events and evaluations in order; -f goes on live.", Job(), ["disttrain logs -f mnist-lenet-1a2b3c"], async (client, job, terminal, parse, cancellation) =>
        {
            if (parse.GetValue(follow))
            {
                using var signals = new StopSignals(cancellation, () => { });
                client.KeepTrying = true;
                try
                {
                    await JobFollower.FollowAsync(client, job, terminal, signals.Token).ConfigureAwait(false);
                    return CodeOf(await client.GetAsync(job, signals.Token).ConfigureAwait(false));
                }
                catch (ClusterException gone) when (gone.Error is ClusterError.Unreachable)
                {
                    throw ServerOptions.Gone(client, job, gone);
                }
                catch (OperationCanceledException) when (signals.Token.IsCancellationRequested)
                {
                    return ExitCode.Interrupted;
                }
            }
            for (var (after, more) = (0L, true); more;)
            {
                var page = await client.EventPageAsync(job, after, cancellation: cancellation).ConfigureAwait(false);
                foreach (var happened in page.Events) Write(terminal, happened);
                (after, more) = (page.After, page.More);
            }
            return ExitCode.Ok;
        }, [follow], waits: true);
    }

    public static int CodeOf(JobStatus status) => status.State is JobStates.Failed ? ExitCode.JobFailed : ExitCode.Ok;

    public static void Write(Terminal terminal, TrainingEvent happened)
    {
        if (terminal.Json) JobText.WriteJson(terminal, happened, ClusterJson.Plain.TrainingEvent);
        else terminal.Out.WriteLine(JobText.Of(happened));
    }

    internal static Argument<string> Job() => new("job") { Description = "The job's id, as ps lists it; a name will do where one job has it." };

    private static Verb Make(string name, string description, Argument<string>? job, string[] examples, Func<DistTrainClient, string, Terminal, CancellationToken, Task<int>> ask) =>
        Make(name, description, job, examples, (client, id, terminal, _, cancellation) => ask(client, id, terminal, cancellation), []);

    internal static Verb Make(string name, string description, Argument<string>? job, string[] examples, Func<DistTrainClient, string, Terminal, ParseResult, CancellationToken, Task<int>> ask, Option[] more, bool waits = false)
    {
        var server = new ServerOptions(waits);
        var verb = new Verb(name, description, examples);
        if (job is not null) verb.Arguments.Add(job);
        foreach (var option in more) verb.Options.Add(option);
        server.AddTo(verb);
        verb.SetAction((parse, cancellation) => server.AskAsync(parse, async (client, terminal) =>
            await ask(client, job is null ? "" : await IdAsync(client, parse.GetValue(job)!, cancellation).ConfigureAwait(false), terminal, parse, cancellation).ConfigureAwait(false)));
        return verb;
    }

    /// <summary>An id as it is; a name where exactly one job has it.</summary>
    internal static async Task<string> IdAsync(DistTrainClient client, string job, CancellationToken cancellation)
    {
        var jobs = await client.ListAsync(cancellation).ConfigureAwait(false);
        if (jobs.Any(j => j.Job == job)) return job;
        var named = jobs.Where(j => j.Name == job).ToArray();
        return named.Length switch
        {
            1 => named[0].Job,
            > 1 => throw new CommandException(ExitCode.Usage, $"{named.Length} jobs are named {job}: {string.Join(", ", named.Take(5).Select(j => j.Job))}. Say which."),
            _ => job,
        };
    }

    private static async Task<JobStatus> EndAsync(DistTrainClient client, JobStatus status, CancellationToken cancellation)
    {
        try
        {
            return await new TrainingJob(client, status.Job, status.Name).WaitAsync(cancellation).ConfigureAwait(false);
        }
        catch (ClusterException gone) when (gone.Error is ClusterError.Unreachable)
        {
            throw ServerOptions.Gone(client, status.Job, gone);
        }
    }

    private static string Number(double value) => value.ToString("F1", CultureInfo.InvariantCulture);

    private static string Whole(long value) => value.ToString("N0", CultureInfo.InvariantCulture);
}
