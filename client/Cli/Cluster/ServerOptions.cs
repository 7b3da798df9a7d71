using System.CommandLine;
using DistTrain.Client;
using DistTrain.Contracts;

namespace DistTrain.Cli;

/// <summary>--server, --token, --ca of the verbs that ask a cluster, with DISTTRAIN_SERVER, DISTTRAIN_TOKEN and DISTTRAIN_CA behind them.</summary>
internal sealed class ServerOptions
{
    private const string DefaultServer = "http://127.0.0.1:7070/";

    private readonly Option<string?> _server = new("--server") { Description = "Address of the gateway, or the link that a server printed; else DISTTRAIN_SERVER.", HelpName = "URL" };
    private readonly Option<string?> _token = new("--token") { Description = "Its token, where the link has none; else DISTTRAIN_TOKEN.", HelpName = "TOKEN" };
    private readonly Option<string?> _authority = new("--ca") { Description = "PEM file to check its certificate against; else DISTTRAIN_CA.", HelpName = "FILE" };

    public Option<string> Output { get; } = SharedOptions.Output();

    public void AddTo(Command verb)
    {
        verb.Options.Add(_server);
        verb.Options.Add(_token);
        verb.Options.Add(_authority);
        verb.Options.Add(Output);
    }

    /// <summary>The user said which server.</summary>
    public bool IsNamed(ParseResult parse) => (parse.GetValue(_server) ?? Variable("DISTTRAIN_SERVER")) is not null;

    public DistTrainClient Connect(ParseResult parse)
    {
        var given = parse.GetValue(_server) ?? Variable("DISTTRAIN_SERVER") ?? DefaultServer;
        var text = given.Contains("://", StringComparison.Ordinal) ? given : $"http://{given}";
        if (!Uri.TryCreate(text, UriKind.Absolute, out var server) || server.Scheme is not ("http" or "https"))
            throw new CommandException(ExitCode.Usage, $"the server is \"{given}\". It must be an address such as https://gateway:7070 or the link that a server printed.");
        var authority = parse.GetValue(_authority) ?? Variable("DISTTRAIN_CA") ?? "";
        if (authority.Length > 0 && !File.Exists(authority)) throw new CommandException(ExitCode.NotFound, $"{authority} is not there. --ca (or DISTTRAIN_CA) must name the PEM file of the server's authority.");
        return new DistTrainClient(new DistTrainClientOptions { Server = server, Token = parse.GetValue(_token) ?? Variable("DISTTRAIN_TOKEN") ?? "", AuthorityFile = authority });
    }

    /// <summary>Runs a verb against the server; what the cluster refuses becomes message and exit code.</summary>
    public async Task<int> AskAsync(ParseResult parse, Func<DistTrainClient, Terminal, Task<int>> ask)
    {
        using var client = Connect(parse);
        try
        {
            return await ask(client, parse.Terminal(Output)).ConfigureAwait(false);
        }
        catch (ClusterException refused)
        {
            throw Refusal(refused);
        }
    }

    public static CommandException Refusal(ClusterException refused) => refused.Error switch
    {
        ClusterError.NotFound => new CommandException(ExitCode.NotFound, $"{refused.Message} List them with: {Invocation.Name} ps"),
        ClusterError.NotAllowed => new CommandException(ExitCode.Unreachable, refused.Message),
        ClusterError.Unreachable => new CommandException(ExitCode.Unreachable, $"{refused.Message} Name the server with --server or DISTTRAIN_SERVER, start one on this machine with: {Invocation.Name} serve, or train without one: {Invocation.Name} train"),
        ClusterError.Conflict => new CommandException(ExitCode.JobFailed, refused.Message),
        _ => new CommandException(ExitCode.Usage, refused.Message),
    };

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
