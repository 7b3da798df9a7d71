using System.Globalization;
using System.Threading.Channels;
using DistTrain.Training;
using Spectre.Console;

namespace DistTrain.Cli;

/// <summary>Follows a run on standard error: a live line on a terminal, one plain line per percent otherwise; evaluations and events stay as lines.</summary>
internal sealed class ProgressView(Terminal terminal, ProgressMeter meter, MetricsFile? metrics)
{
    private const int BarWidth = 24;

    /// <summary>Until the run completes its feed.</summary>
    public Task FollowAsync(ChannelReader<RunRecord> records) => terminal.Draws ? DrawAsync(records) : LinesAsync(records);

    private async Task LinesAsync(ChannelReader<RunRecord> records)
    {
        var percent = 0;
        await foreach (var record in records.ReadAllAsync().ConfigureAwait(false))
        {
            metrics?.Write(record);
            meter.Add(record);
            if (Line(record) is { } line) terminal.Error.WriteLine(line);
            else if (record.Kind is RunRecordKind.Step && meter.Percent > percent)
            {
                percent = meter.Percent;
                terminal.Error.WriteLine($"{percent,3} %  {Status()}");
            }
        }
    }

    private async Task DrawAsync(ChannelReader<RunRecord> records)
    {
        var console = terminal.Drawing(terminal.Error, draws: true);
        var drawn = 0L;
        console.Cursor.Hide();
        try
        {
            await foreach (var record in records.ReadAllAsync().ConfigureAwait(false))
            {
                metrics?.Write(record);
                meter.Add(record);
                if (Line(record) is { } line)
                {
                    terminal.Error.Write("\r\u001b[2K");
                    console.MarkupLine(record.Kind is RunRecordKind.Warning ? $"[yellow]{Markup.Escape(line)}[/]" : Markup.Escape(line));
                }
                else if (Environment.TickCount64 - drawn < 100)
                {
                    continue;
                }
                drawn = Environment.TickCount64;
                Draw(console);
            }
            Draw(console);
            terminal.Error.WriteLine();
        }
        finally
        {
            console.Cursor.Show();
        }
    }

    private void Draw(IAnsiConsole console)
    {
        var done = (int)(BarWidth * meter.Step / Math.Max(1, meter.TotalSteps));
        terminal.Error.Write("\r\u001b[2K");
        console.Markup($"[green]{new string('━', done)}[/][grey]{new string('━', BarWidth - done)}[/] {meter.Percent,3} %  {Markup.Escape(Status())}");
    }

    // How a cluster comes up and ends is told by the first and the last line; what happens on the way is news.
    private string? Line(in RunRecord record) => record.Kind switch
    {
        RunRecordKind.Evaluation => string.Create(CultureInfo.InvariantCulture, $"step {record.Step:N0}: test loss {record.Loss:F4}, test accuracy {100 * record.Accuracy:F2} %"),
        RunRecordKind.Event when meter.Step < meter.TotalSteps && (meter.Step > 0 || record.Text?.StartsWith("restored", StringComparison.Ordinal) == true) => record.Text,
        RunRecordKind.Warning => $"warning: {record.Text}",
        _ => null,
    };

    private string Status()
    {
        var left = meter.Left is { } time ? $", {Clock(time)} left" : "";
        var speed = meter.SamplesPerSecond > 0 ? string.Create(CultureInfo.InvariantCulture, $", {meter.SamplesPerSecond:N0} samples/s") : "";
        return string.Create(CultureInfo.InvariantCulture, $"epoch {meter.Epoch}/{meter.Epochs}, step {meter.Step:N0}/{meter.TotalSteps:N0}, loss {meter.Loss:F4}{speed}{left}");
    }

    private static string Clock(TimeSpan time) => time.TotalHours >= 1
        ? string.Create(CultureInfo.InvariantCulture, $"{(int)time.TotalHours}:{time.Minutes:D2}:{time.Seconds:D2}")
        : string.Create(CultureInfo.InvariantCulture, $"{time.Minutes}:{time.Seconds:D2}");
}
