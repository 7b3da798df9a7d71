using System.CommandLine;
using DistTrain.Client;
using DistTrain.Contracts;

namespace DistTrain.Cli;

/// <summary>--server, --token, --ca of the verbs that ask a cluster, with DISTTRAIN_SERVER, DISTTRAIN_TOKEN and DISTTRAIN_CA behind them; --patience of those that wait.</summary>
/// <param name="waits">The verb goes on over a lost connection.</param>
internal sealed class ServerOptions(bool waits = false)
{
    private const string DefaultServer = "http://127.0.0.1:7070/";

    private readonly Option<string?> _server = new("--server") { Description = "Address of the gateway, or the link that a server printed; else DISTTRAIN_SERVER.", HelpName = "URL" };
    private readonly Option<string?> _token = new("--token") { Description = "Its token, where the link has none; else DISTTRAIN_TOKEN.", HelpName = "TOKEN" };
    private readonly Option<string?> _authority = new("--ca") { Description = "PEM file to check its certificate against; else DISTTRAIN_CA.", HelpName = "FILE" };

    private readonly Option<int> _patience = new("--patience") { Description = "How long a server that was there and has gone is tried again, before exit 4.", DefaultValueFactory = _ => 120, HelpName = "SECONDS" };

    public Option<string> Output { get; } = SharedOptions.Output();

    public void AddTo(Command verb)
    {
        verb.Options.Add(_server);
        verb.Options.Add(_token);
        verb.Options.Add(_authority);
        if (waits) verb.Options.Add(_patience);
        verb.Options.Add(Output);
    }

    /// <summary>The user said which server.</summary>
    /// <param name="asOption">With the command, not by what the environment says for every command.</param>
    public bool IsNamed(ParseResult parse, bool asOption = false) => asOption ? parse.GetValue(_server) is not null : (parse.GetValue(_server) ?? Variable("DISTTRAIN_SERVER")) is not null;

    private DistTrainClient Connect(ParseResult parse, ConnectionLines lines)
    {
        var given = parse.GetValue(_server) ?? Variable("DISTTRAIN_SERVER") ?? DefaultServer;
        var authority = parse.GetValue(_authority) ?? Variable("DISTTRAIN_CA") ?? "";
        if (authority.Length > 0 && !File.Exists(authority)) throw new CommandException(ExitCode.NotFound, $"{authority} is not there. --ca (or DISTTRAIN_CA) must name the PEM file of the server's authority.");
        var patience = waits ? parse.GetValue(_patience) : 0;
        if (waits && patience is < 1 or > 604_800) throw new CommandException(ExitCode.Usage, $"--patience is {patience}. It must be 1 to 604800 seconds.");
        return new DistTrainClient(new DistTrainClientOptions { Server = ServerAddress.Parse(given), Token = parse.GetValue(_token) ?? Variable("DISTTRAIN_TOKEN") ?? "", AuthorityFile = authority, Patience = TimeSpan.FromSeconds(Math.Max(1, patience)), Connection = lines.Tell });
    }

    /// <summary>Runs a verb against the server; what the cluster refuses becomes message and exit code.</summary>
    public async Task<int> AskAsync(ParseResult parse, Func<DistTrainClient, Terminal, Task<int>> ask)
    {
        var terminal = parse.Terminal(Output);
        using var lines = new ConnectionLines(terminal.Error);
        try
        {
            using var client = Connect(parse, lines);
            return await ask(client, terminal).ConfigureAwait(false);
        }
        catch (ClusterException refused)
        {
            throw Refusal(refused);
        }
    }

    public static CommandException Refusal(ClusterException refused) => refused.Error switch
    {
        ClusterError.NotFound => new CommandException(ExitCode.NotFound, refused.Message.Contains("ist them with", StringComparison.Ordinal) ? refused.Message : $"{refused.Message} List them with: {Invocation.Name} ps"),
        ClusterError.NotAllowed => new CommandException(ExitCode.Unreachable, refused.Message),
        ClusterError.Unreachable => new CommandException(ExitCode.Unreachable, $"{refused.Message} Name the server with --server or DISTTRAIN_SERVER, start one on this machine with: {Invocation.Name} serve, or train without one: {Invocation.Name} train"),
        _ => new CommandException(ExitCode.Usage, refused.Message),
    };

    /// <summary>The end of a wait for a job whose server has gone: nothing is known of the job, and nothing is claimed.</summary>
    public static CommandException Gone(DistTrainClient client, string job, ClusterException gone) => new(ExitCode.Unreachable,
        $"the state of {job} is not known: {gone.Message} It trains on if its cluster lives; a server that trained it by itself ({Invocation.Name} serve) goes on with it when it is started again on the same folder of runs. Look again with: {Invocation.Name} status {job} --server {client.Server}; follow it with: {Invocation.Name} logs -f {job} --server {client.Server}");

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
