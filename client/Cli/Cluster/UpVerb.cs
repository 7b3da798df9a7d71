using System.CommandLine;

namespace DistTrain.Cli;

/// <summary>A development cluster on this machine: silos and a gateway as processes of their own, until Ctrl-C.</summary>
internal static class UpVerb
{
    public static Command Make()
    {
        var silos = new Option<int>("--silos") { Description = "Silos that train; the gateway comes beside them.", DefaultValueFactory = _ => 3, HelpName = "N" };
        var workers = new Option<int>("--workers") { Description = "Workers of one job that each silo runs at most.", DefaultValueFactory = _ => 1, HelpName = "N" };
        var port = new Option<int>("--port") { Description = "Of the API and the page; 0 takes a free one.", DefaultValueFactory = _ => 0, HelpName = "PORT" };
        var state = new Option<string>("--state") { Description = "Folder of checkpoints, jobs and the silos' logs.", DefaultValueFactory = _ => Path.Combine("runs", "cluster"), HelpName = "FOLDER" };
        var postgres = new Option<string?>("--postgresql") { Description = "Connection string of a database for membership and jobs; without it they are in memory and in the folder.", HelpName = "TEXT" };
        var verb = new Verb("up", "Starts a development cluster on this machine; Ctrl-C stops all of it.", "disttrain up", "disttrain up --silos 3 --port 7070") { silos, workers, port, state, postgres };
        verb.SetAction(async (parse, cancellation) =>
        {
            var terminal = new Terminal(parse.InvocationConfiguration.Output, parse.InvocationConfiguration.Error, false);
            var problems = new List<string>();
            if (parse.GetValue(silos) is < 1 or > 64) problems.Add($"--silos is {parse.GetValue(silos)}. It must be 1 to 64.");
            if (parse.GetValue(workers) is < 0 or > 64) problems.Add($"--workers is {parse.GetValue(workers)}. It must be 0 to 64.");
            if (parse.GetValue(port) is < 0 or > 65535) problems.Add($"--port is {parse.GetValue(port)}. It must be 0 to 65535.");
            if (problems.Count > 0) throw new CommandException(ExitCode.Usage, string.Join(Environment.NewLine, problems));
            var program = SiloProgram.Find() ?? throw new CommandException(ExitCode.Unreachable,
                $"this build lacks the silo: Microsoft.Orleans.* was not in the package sources that it was built from. Add a source that has it and build again (dotnet build -c Release -p:RequireAll=true says what is missing); or train on this machine without a cluster: {Invocation.Name} train, {Invocation.Name} serve");
            using var signals = new StopSignals(cancellation, () => terminal.Error.WriteLine($"{Environment.NewLine}stopping the cluster; once more to stop at once"));
            await using var cluster = new DevelopmentCluster(program, Path.GetFullPath(parse.GetValue(state)!), parse.GetValue(postgres) ?? "", line => terminal.Error.WriteLine(line));
            try
            {
                var link = await cluster.StartAsync(parse.GetValue(silos), parse.GetValue(workers), parse.GetValue(port), signals.Token).ConfigureAwait(false);
                terminal.Out.WriteLine($"dashboard: {link}");
                terminal.Out.WriteLine($"submit:    DISTTRAIN_SERVER='{link}' {Invocation.Name} submit my-job.yaml --wait");
                await cluster.WatchAsync(signals.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (signals.Token.IsCancellationRequested)
            {
                // As asked.
            }
            await cluster.StopAsync().ConfigureAwait(false);
            return ExitCode.Ok;
        });
        return verb;
    }
}
