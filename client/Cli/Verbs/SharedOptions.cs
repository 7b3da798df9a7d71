using System.CommandLine;

namespace DistTrain.Cli;

/// <summary>Arguments that several verbs share.</summary>
internal static class SharedOptions
{
    public static Option<string> Output() => new Option<string>("--output", "-o") { Description = "text or json.", DefaultValueFactory = _ => "text" }.AcceptOnlyFromAmong("text", "json");

    public static Option<string> Runs() => new("--runs") { Description = "Folder of all runs.", DefaultValueFactory = _ => "runs" };

    public static Terminal Terminal(this ParseResult parse, Option<string> output) =>
        new(parse.InvocationConfiguration.Output, parse.InvocationConfiguration.Error, parse.GetValue(output) == "json");
}
