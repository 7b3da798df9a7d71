using System.Globalization;
using DistTrain.Training;

namespace DistTrain.Cli;

/// <summary>Follows a run on standard error: a live line on a terminal, one plain line per percent otherwise; evaluations and events stay as lines.</summary>
/// <param name="history">What the dashboard and the verdict are made of.</param>
internal sealed class ProgressView(Terminal terminal, ProgressMeter meter, MetricsFile? metrics, Action<RunRecord>? history = null)
{
    private const int BarWidth = 12;
    private const string ClearLine = "\r\u001b[2K";
    private const string HideCursor = "\u001b[?25l";
    private const string ShowCursor = "\u001b[?25h";
    private const string Green = "\u001b[32m";
    private const string Grey = "\u001b[90m";
    private const string Yellow = "\u001b[33m";
    private const string Plain = "\u001b[0m";

    /// <summary>Until the run completes its feed.</summary>
    public Task FollowAsync(RunFeed feed) => terminal.Draws ? DrawAsync(feed) : LinesAsync(feed);

    private async Task LinesAsync(RunFeed feed)
    {
        var percent = 0;
        await foreach (var record in feed.InBatchesAsync().ConfigureAwait(false))
        {
            metrics?.Write(record);
            history?.Invoke(record);
            meter.Add(record);
            if (Line(record) is { } line) terminal.Error.WriteLine(line);
            else if (record.Kind is RunRecordKind.Step && meter.Percent > percent)
            {
                percent = meter.Percent;
                terminal.Error.WriteLine($"{percent,3} %  {Status()}");
            }
        }
    }

    private async Task DrawAsync(RunFeed feed)
    {
        var drawn = 0L;
        terminal.Error.Write(HideCursor);
        try
        {
            await foreach (var record in feed.InBatchesAsync().ConfigureAwait(false))
            {
                metrics?.Write(record);
                history?.Invoke(record);
                meter.Add(record);
                if (Line(record) is { } line)
                {
                    terminal.Error.WriteLine(record.Kind is RunRecordKind.Warning ? $"{ClearLine}{Yellow}{line}{Plain}" : ClearLine + line);
                    drawn = 0;
                }
                if (meter.Step == 0 || Environment.TickCount64 - drawn < 100) continue;
                drawn = Environment.TickCount64;
                Draw();
            }
            if (meter.Step > 0) Draw();
            terminal.Error.WriteLine();
        }
        finally
        {
            terminal.Error.Write(ShowCursor);
        }
    }

    // One line, cut to the window: what wraps cannot be drawn over.
    private void Draw()
    {
        var done = (int)(BarWidth * meter.Step / Math.Max(1, meter.TotalSteps));
        var text = string.Create(CultureInfo.InvariantCulture, $" {meter.Percent,3} %  {Status()}");
        var room = Math.Max(0, terminal.Width - 1 - BarWidth);
        terminal.Error.Write($"{ClearLine}{Green}{new string('━', done)}{Grey}{new string('━', BarWidth - done)}{Plain}{(text.Length > room ? text[..room] : text)}");
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
