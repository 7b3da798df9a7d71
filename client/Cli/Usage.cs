using System.CommandLine;
using System.CommandLine.Parsing;
using DistTrain.Learning;

namespace DistTrain.Cli;

/// <summary>What is wrong with a command line, with the nearest known name.</summary>
internal static class Usage
{
    public static IReadOnlyList<string> Problems(ParseResult parse)
    {
        var command = parse.CommandResult.Command;
        // The parser takes an unknown option for the value of an argument.
        var options = parse.CommandResult.Children.OfType<ArgumentResult>().SelectMany(a => a.Tokens).Select(t => t.Value).Concat(parse.UnmatchedTokens)
            .Where(t => t.Length > 1 && t[0] == '-' && !char.IsAsciiDigit(t[1])).ToArray();
        if (options.Length > 0)
        {
            var known = command.Options.Where(o => !o.Hidden).Select(o => o.Name).ToArray();
            return [.. options.Select(o => $"{o} is no option of {command.Name}.{NearestName.Suggest(o, known)}")];
        }
        var verbs = command.Subcommands.Where(c => !c.Hidden).Select(c => c.Name).ToArray();
        if (verbs.Length > 0 && parse.UnmatchedTokens is [var verb, ..])
            return [$"there is no verb {verb}. It must be one of {string.Join(", ", verbs)}.{NearestName.Suggest(verb, verbs)}"];
        return [.. parse.Errors.Select(e => e.Message.ReplaceLineEndings("\n")).Distinct(StringComparer.Ordinal)];
    }

    /// <summary>"data get ".</summary>
    public static string VerbPath(ParseResult parse)
    {
        var path = "";
        for (var at = parse.CommandResult; at is not null && at.Command is not RootCommand; at = at.Parent as CommandResult) path = $"{at.Command.Name} {path}";
        return path;
    }
}
