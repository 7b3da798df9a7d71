using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace DistTrain.Cli;

/// <summary>A verb of the command with example lines for its help.</summary>
internal sealed class Verb(string name, string description, params string[] examples) : Command(name, description)
{
    public IReadOnlyList<string> Examples { get; } = examples;
}

/// <summary>The usual help, then the verb's examples.</summary>
internal sealed class HelpWithExamples(HelpAction help) : SynchronousCommandLineAction
{
    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parse)
    {
        var code = help.Invoke(parse);
        var output = parse.InvocationConfiguration.Output;
        var examples = parse.CommandResult.Command switch
        {
            Verb { Examples.Count: > 0 } verb => verb.Examples,
            RootCommand => ["disttrain train", "disttrain init my-job && disttrain train my-job.yaml"],
            _ => [],
        };
        if (examples.Count > 0) output.WriteLine(examples.Count == 1 ? "Example:" : "Examples:");
        foreach (var example in examples) output.WriteLine($"  {example}");
        return code;
    }
}
