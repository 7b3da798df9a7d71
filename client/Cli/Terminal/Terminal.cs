using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Spectre.Console;

namespace DistTrain.Cli;

/// <summary>Where a verb writes: data to Out, progress and errors to Error; whether Error is a terminal that draws.</summary>
internal sealed class Terminal
{
    private static readonly JsonSerializerOptions OneLine = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <param name="json">Out carries JSON lines only.</param>
    public Terminal(TextWriter output, TextWriter error, bool json)
    {
        (Out, Error, Json) = (output, error, json);
        var plain = Environment.GetEnvironmentVariable("NO_COLOR") is { Length: > 0 } || Environment.GetEnvironmentVariable("TERM") is "dumb";
        Draws = ReferenceEquals(error, Console.Error) && !Console.IsErrorRedirected && !plain;
        OutDraws = ReferenceEquals(output, Console.Out) && !Console.IsOutputRedirected && !plain;
    }

    public TextWriter Out { get; }

    public TextWriter Error { get; }

    public bool Json { get; }

    /// <summary>Error is a terminal that takes colours and cursor moves.</summary>
    public bool Draws { get; }

    public bool OutDraws { get; }

    /// <summary>Columns of the window.</summary>
    public int Width => Math.Max(40, WindowWidth());

    /// <summary>A console of Spectre over Error or Out.</summary>
    public IAnsiConsole Drawing(TextWriter writer, bool draws) => AnsiConsole.Create(new AnsiConsoleSettings
    {
        Ansi = draws ? AnsiSupport.Yes : AnsiSupport.No,
        ColorSystem = draws ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
        Interactive = InteractionSupport.No,
        Out = new FixedWidthOutput(writer, draws ? Width : 160),
    });

    /// <summary>A line of JSON on Out; numbers that JSON lacks are null.</summary>
    public void WriteJson(JsonNode value) => Out.WriteLine(value.ToJsonString(OneLine));

    /// <summary>A finite number, or null.</summary>
    public static JsonNode? Finite(double value, int digits = 9) => double.IsFinite(value) ? JsonValue.Create(Math.Round(value, digits)) : null;

    private static int WindowWidth()
    {
        try
        {
            return Console.WindowWidth is > 0 and var width ? width : 80;
        }
        catch (IOException)
        {
            return 80;
        }
    }

    private sealed class FixedWidthOutput(TextWriter writer, int width) : IAnsiConsoleOutput
    {
        public TextWriter Writer => writer;

        public bool IsTerminal => false;

        public int Width => width;

        public int Height => 40;

        public void SetEncoding(System.Text.Encoding encoding) { }
    }
}
