using System.CommandLine;
using DistTrain.Dashboard;
using DistTrain.Training;
using Microsoft.Extensions.Options;

namespace DistTrain.Cli;

/// <summary>A server of this one process: jobs come over HTTP and train here, one after another.</summary>
internal static class ServeVerb
{
    public static Command Make()
    {
        var listen = new Option<string>("--listen") { Description = "Address and port; beyond loopback only with TLS and a token.", DefaultValueFactory = _ => "127.0.0.1:7070", HelpName = "ADDRESS:PORT" };
        var token = new Option<string?>("--token") { Description = "What clients must show; else DISTTRAIN_TOKEN, else a random one, printed once.", HelpName = "TOKEN" };
        var certificate = new Option<string?>("--certificate") { Description = "PEM file of the certificate.", HelpName = "FILE" };
        var key = new Option<string?>("--key") { Description = "PEM file of its key.", HelpName = "FILE" };
        var behind = new Option<bool>("--behind-tls") { Description = "TLS ends at a proxy in front: plain HTTP beyond loopback is meant." };
        var hosts = new Option<string[]>("--host") { Description = "A name under which clients reach it.", HelpName = "NAME" };
        var data = new Option<string>("--data") { Description = "Folder in which the data of jobs must be; their data paths begin here.", DefaultValueFactory = _ => ".", HelpName = "FOLDER" };
        var runs = SharedOptions.Runs();
        var atOnce = new Option<int>("--at-once") { Description = "Jobs that train at the same time.", DefaultValueFactory = _ => 1 };
        var output = SharedOptions.Output();
        var verb = new Verb("serve", "Takes jobs over HTTP and trains them in this process, with the dashboard.", "disttrain serve", "disttrain serve --listen 0.0.0.0:7070 --certificate tls.crt --key tls.key --host gateway") { listen, token, certificate, key, behind, hosts, data, runs, atOnce, output };
        verb.SetAction(async (parse, cancellation) =>
        {
            var terminal = parse.Terminal(output);
            if (parse.GetValue(atOnce) is < 1 or > 64) throw new CommandException(ExitCode.Usage, $"--at-once is {parse.GetValue(atOnce)}. It must be from 1 to 64.");
            if (!Directory.Exists(parse.GetValue(data))) throw new CommandException(ExitCode.Usage, $"--data is {parse.GetValue(data)}, which is no folder here. It must be the folder that holds the data of jobs.");
            var options = new DashboardOptions
            {
                Listen = parse.GetValue(listen)!, Token = parse.GetValue(token) ?? Environment.GetEnvironmentVariable("DISTTRAIN_TOKEN") ?? "", CertificateFile = parse.GetValue(certificate) ?? "", KeyFile = parse.GetValue(key) ?? "", TlsEndsInFront = parse.GetValue(behind), Title = "this process",
            };
            foreach (var host in parse.GetValue(hosts) ?? []) options.Hosts.Add(host);
            using var signals = new StopSignals(cancellation, () => terminal.Error.WriteLine($"{Environment.NewLine}stopping at checkpoints; once more to stop at once"));
            var training = Open(new EmbeddedTrainingOptions { Folder = parse.GetValue(runs)!, DataFolder = parse.GetValue(data)!, AtOnce = parse.GetValue(atOnce), WorkerLaunch = WorkerVerb.Launch() }, terminal);
            await using var trains = training.ConfigureAwait(false);
            var server = await StartAsync(training, options, cancellation).ConfigureAwait(false);
            await using var served = server.ConfigureAwait(false);
            if (terminal.Json) terminal.WriteJson(new System.Text.Json.Nodes.JsonObject { ["address"] = server.Address.ToString(), ["link"] = server.Link });
            else
            {
                terminal.Out.WriteLine($"dashboard: {server.Link}");
                terminal.Out.WriteLine($"submit:    DISTTRAIN_SERVER='{server.Link}' {Invocation.Name} submit my-job.yaml --wait");
            }
            terminal.Out.Flush();
            try
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, signals.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                // Asked to stop.
            }
            return ExitCode.Ok;
        });
        return verb;
    }

    private static EmbeddedTraining Open(EmbeddedTrainingOptions options, Terminal terminal)
    {
        try
        {
            var (training, kept) = EmbeddedTraining.Open(options);
            foreach (var problem in kept.Problems) terminal.Error.WriteLine($"warning: {problem}");
            if (kept.GoOn.Count + kept.Ended > 0)
                terminal.Error.WriteLine($"{options.Folder} keeps {TrainVerb.Counted(kept.GoOn.Count + kept.Ended, "job")} of earlier servers; {(kept.GoOn.Count == 0 ? "all have ended" : $"{string.Join(", ", kept.GoOn.Take(5))}{(kept.GoOn.Count > 5 ? ", ..." : "")} {(kept.GoOn.Count == 1 ? "goes" : "go")} on")}");
            return training;
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCode.Usage, $"--runs is {options.Folder}: {refused.Message}");
        }
    }

    private static async Task<DashboardServer> StartAsync(EmbeddedTraining training, DashboardOptions options, CancellationToken cancellation)
    {
        try
        {
            return await DashboardServer.StartAsync(training, options, cancellation).ConfigureAwait(false);
        }
        catch (OptionsValidationException wrong)
        {
            throw new CommandException(ExitCode.Usage, string.Join(Environment.NewLine, wrong.Failures));
        }
        catch (IOException taken)
        {
            throw new CommandException(ExitCode.Usage, $"listen is {options.Listen}: {taken.Message.TrimEnd('.')}. Choose another port, or 0 for any free one.");
        }
    }
}
