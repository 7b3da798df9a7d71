using System.CommandLine;
using System.Globalization;
using DistTrain.Contracts;
using DistTrain.Dashboard;
using DistTrain.Training;
using DistTrain.Training.Specs;
using Microsoft.Extensions.Options;

namespace DistTrain.Cli;

/// <summary>A run of <c>train</c> as others see it: its history, and beside a terminal (or where asked for) the dashboard. The run itself knows of neither.</summary>
internal sealed class LiveRun : IAsyncDisposable
{
    private readonly EmbeddedTraining _training = new(new EmbeddedTrainingOptions());
    private readonly Func<long, LossLog?> _committedAt;
    private DashboardServer? _server;
    private bool _begun;

    /// <param name="committedAt">The records of the checkpoint after so many steps, for the part of a resumed run that came before.</param>
    /// <param name="stop">What the page's stop button does.</param>
    public LiveRun(PlannedJob plan, RunOptions options, Func<long, LossLog?> committedAt, Action stop) =>
        (Job, _committedAt) = (_training.Adopt(plan, options, stop), committedAt);

    public EmbeddedJob Job { get; }

    public static Option<string> Choice() => new("--dashboard") { Description = "auto (beside a terminal), on, off, or a port of this machine.", DefaultValueFactory = _ => "auto", HelpName = "auto|on|off|PORT" };

    /// <returns>The port (0 = any free one), or null for none.</returns>
    /// <exception cref="CommandException">It is neither a word nor a port.</exception>
    public static int? PortOf(string choice, Terminal terminal) => choice switch
    {
        "auto" => terminal.Draws && !terminal.Json ? 0 : null,
        "on" => 0,
        "off" => null,
        _ => ushort.TryParse(choice, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port > 0 ? port
            : throw new CommandException(ExitCode.Usage, $"--dashboard is {choice}. It must be auto, on, off, or a port from 1 to 65535."),
    };

    /// <summary>Opens the page on loopback and prints its link once. A port that is taken costs the page, not the run, unless it was asked for.</summary>
    public async Task ServeAsync(int? port, bool asked, Terminal terminal)
    {
        if (port is not { } at) return;
        try
        {
            _server = await DashboardServer.StartAsync(_training, new DashboardOptions { Listen = $"127.0.0.1:{at}", Title = "embedded run" }).ConfigureAwait(false);
        }
        catch (Exception refused) when (refused is IOException or OptionsValidationException or System.Net.Sockets.SocketException)
        {
            var reason = $"the dashboard cannot listen on port {at}: {refused.Message.TrimEnd('.')}. Choose another with --dashboard PORT, or --dashboard off.";
            if (asked) throw new CommandException(ExitCode.Usage, reason);
            terminal.Error.WriteLine($"warning: {reason}");
            return;
        }
        terminal.Error.WriteLine($"dashboard: {_server.Link}");
    }

    /// <summary>For the one reader of the run's feed.</summary>
    public void Add(RunRecord record)
    {
        if (!_begun && record.Kind is RunRecordKind.Step or RunRecordKind.Evaluation)
        {
            _begun = true;
            if (record is { Kind: RunRecordKind.Step, Step: > 1 })
            {
                using var before = _committedAt(record.Step - 1);
                if (before is not null) Job.History.Restore(before);
            }
        }
        Job.History.Add(record);
    }

    /// <summary>After the last record: the verdict, and viewers see the end.</summary>
    public Verdict End(TrainingResult result)
    {
        Job.End(result);
        return Job.Diagnose();
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null) await _server.DisposeAsync().ConfigureAwait(false);
        await _training.DisposeAsync().ConfigureAwait(false);
    }
}
