using System.Text.RegularExpressions;
using DistTrain.Cli;
using DistTrain.Tests.House;

namespace DistTrain.Tests.Documentation;

/// <summary>What the documentation tells people to type is understood, and what it points to is there.</summary>
public sealed partial class DocumentedCommandTests
{
    private static readonly string[] Pages = [.. Directory.GetFiles(Repository.Root, "*.md").Concat(new[] { "docs", "silo", "k8s", "samples" }.Select(f => Path.Combine(Repository.Root, f)).Where(Directory.Exists).SelectMany(f => Directory.GetFiles(f, "*.md", SearchOption.AllDirectories))).Order(StringComparer.Ordinal)];

    public static TheoryData<string> EveryPage() => new(Pages.Select(Repository.Relative));

    [Theory, MemberData(nameof(EveryPage))]
    public void Every_command_is_one_that_the_program_understands(string page)
    {
        var wrong = from words in Commands(page)
                    where words[0] == "disttrain" && words.Count > 1
                    // A verb that is only spoken of has no arguments; a capital letter stands for a number.
                    let errors = Usage.Problems(DistTrainCommand.Root().Parse([.. words.Skip(1).Select(w => w is "K" or "N" ? "1" : w)])).Where(e => words.Any(w => w.StartsWith('-')) || !e.StartsWith("Required argument", StringComparison.Ordinal)).ToList()
                    where errors.Count > 0
                    select $"{string.Join(' ', words)}: {string.Join(" ", errors)}";
        Assert.Empty(wrong);
    }

    [Fact]
    public void Every_verb_stands_in_the_page_of_the_command()
    {
        var page = File.ReadAllText(Path.Combine(Repository.Root, "docs", "command.md"));
        Assert.All(DistTrainCommand.Root().Subcommands.Where(v => !v.Hidden), v => Assert.Matches($"(?m)^\\|.*`{v.Name}[ `]", page));
    }

    [Fact]
    public void Every_verb_below_a_verb_stands_in_the_page_of_the_command()
    {
        var page = File.ReadAllText(Path.Combine(Repository.Root, "docs", "command.md"));
        Assert.All(Below(DistTrainCommand.Root(), ""), verb => Assert.Matches($"`(?:[^`|]*, )?{verb.Path}[ `]", page));
    }

    [Fact]
    public void The_page_of_options_is_what_the_command_says_of_itself()
    {
        var text = new System.Text.StringBuilder("# Every option of the command\n\nWritten from the command's own help (a test holds it equal). What the verbs are for: [the command](command.md).\n");
        foreach (var (path, verb) in Below(DistTrainCommand.Root(), ""))
        {
            var (arguments, options) = (string.Concat(verb.Arguments.Where(a => !a.Hidden).Select(a => $" {a.Name.ToUpperInvariant()}")), verb.Options.Where(o => !o.Hidden && o.Name != "--help").ToArray());
            text.Append(System.Globalization.CultureInfo.InvariantCulture, $"\n## {path}{arguments}\n{verb.Description}\n");
            if (options.Length > 0) text.Append("\n| option | |\n|---|---|\n");
            foreach (var option in options) text.Append(System.Globalization.CultureInfo.InvariantCulture, $"| `{string.Join("`, `", option.Aliases.Prepend(option.Name))}{(option.HelpName is { } value ? $" {value.Replace('|', '/')}" : "")}` | {option.Description?.Replace("|", "\\|", StringComparison.Ordinal)} |\n");
        }
        var (page, expected) = (Path.Combine(Repository.Root, "docs", "command-options.md"), Path.Combine(AppContext.BaseDirectory, "command-options.md"));
        File.WriteAllText(expected, text.ToString());
        Assert.True(File.Exists(page) && File.ReadAllText(page) == text.ToString(), $"docs/command-options.md is not what the command says of itself. Copy {expected} over it.");
    }

    private static IEnumerable<(string Path, System.CommandLine.Command Verb)> Below(System.CommandLine.Command command, string path) =>
        command.Subcommands.Where(v => !v.Hidden).SelectMany(v => Below(v, $"{path}{v.Name} ").Prepend(($"{path}{v.Name}", v)));

    [Theory, MemberData(nameof(EveryPage))]
    public void Every_option_of_a_silo_is_in_its_table(string page)
    {
        var known = SiloOption().Matches(File.ReadAllText(Path.Combine(Repository.Root, "silo", "README.md"))).Select(m => m.Groups[1].Value).Append("--help").ToHashSet(StringComparer.Ordinal);
        Assert.True(known.Count > 10);
        var options = Commands(page).Where(c => c[0] == "disttrain-silo").SelectMany(c => c.Where(w => w.StartsWith("--", StringComparison.Ordinal)));
        Assert.All(options, o => Assert.Contains(o, known));
    }

    [Theory, MemberData(nameof(EveryPage))]
    public void Every_variable_is_one_that_a_program_reads(string page)
    {
        var known = Variable().Matches(File.ReadAllText(Path.Combine(Repository.Root, "silo", "README.md"))).Select(m => m.Value).ToHashSet(StringComparer.Ordinal);
        known.UnionWith(Repository.Files("*.cs").SelectMany(f => Variable().Matches(File.ReadAllText(f)).Select(m => m.Value)));
        Assert.All(Variable().Matches(File.ReadAllText(Path.Combine(Repository.Root, page))), v => Assert.Contains(v.Value, known));
    }

    [Theory, MemberData(nameof(EveryPage))]
    public void Every_link_leads_somewhere(string page)
    {
        var folder = Path.GetDirectoryName(Path.Combine(Repository.Root, page))!;
        var dead = new List<string>();
        foreach (Match link in Link().Matches(File.ReadAllText(Path.Combine(Repository.Root, page))))
        {
            var (path, anchor) = (link.Groups[1].Value, link.Groups[2].Value.TrimStart('#'));
            if (path.Contains("://", StringComparison.Ordinal)) continue;
            var target = path.Length == 0 ? Path.Combine(Repository.Root, page) : Path.Combine(folder, path);
            if (!File.Exists(target) && !Directory.Exists(target)) dead.Add(link.Value);
            else if (anchor.Length > 0 && !Anchors(target).Contains(anchor)) dead.Add(link.Value);
        }
        Assert.Empty(dead);
    }

    [Theory, MemberData(nameof(EveryPage))]
    public void Every_file_of_this_repository_that_a_command_names_is_there(string page)
    {
        string[] ours = ["samples/", "k8s/", "tests/", "client/", "silo/", "docs/"];
        // What a build makes is there where its project is.
        var named = Commands(page).SelectMany(c => c.Skip(1)).Where(w => ours.Any(o => w.StartsWith(o, StringComparison.Ordinal))).Select(w => w.Split("/bin/")[0]);
        Assert.All(named, w => Assert.True(Path.Exists(Path.Combine(Repository.Root, w)), w));
    }

    /// <summary>Each command in a fence or in inline code, as words; comments, prompts, pipes and redirections left out.</summary>
    private static IEnumerable<IReadOnlyList<string>> Commands(string page)
    {
        var (text, fenced) = (File.ReadAllText(Path.Combine(Repository.Root, page)), new List<string>());
        text = Fence().Replace(text, fence =>
        {
            fenced.AddRange(fence.Groups[1].Value.Split('\n').Select(l => l.Trim()));
            return "";
        });
        foreach (var line in fenced.Concat(Inline().Matches(text).Select(m => m.Groups[1].Value)))
            foreach (var command in Separator().Split(Comment().Replace(line, "")))
            {
                var words = Word().Matches(command).Select(m => m.Value.Trim('\'', '"')).TakeWhile(w => w is not (">" or "<" or "|")).ToList();
                // In a checkout the command is run from its project.
                if (words is ["dotnet", "run", "-c", "Release", "--project", var project, "--", ..]) words = [project == "silo" ? "disttrain-silo" : "disttrain", .. words.Skip(7)];
                if (words.Count > 0 && (words[0] is "disttrain" or "disttrain-silo" or "dotnet" or "kubectl" or "docker" || words[0].StartsWith("k8s/", StringComparison.Ordinal))) yield return words;
            }
    }

    // As code hosts make them: lower case, punctuation dropped, spaces to dashes.
    /// <summary>What a link to a place in a page may name: its headings, and anchors of its own.</summary>
    private static IEnumerable<string> Anchors(string page) => File.ReadLines(page)
        .Where(l => l.StartsWith('#') || l.StartsWith("<a id=\"", StringComparison.Ordinal))
        .Select(l => l.StartsWith('#') ? Anchor(l) : l.Split('"')[1]);

    private static string Anchor(string heading) => NotInAnchor().Replace(heading.TrimStart('#').Trim().ToLowerInvariant(), "").Replace(' ', '-');

    [GeneratedRegex("(?:^|\n) *```[a-z]*\n(.*?)\n *```", RegexOptions.Singleline)]
    private static partial Regex Fence();

    [GeneratedRegex("`([^`\n]+)`")]
    private static partial Regex Inline();

    [GeneratedRegex(@"\s+#\s.*$|^#.*$")]
    private static partial Regex Comment();

    [GeneratedRegex(@"\s*(?:&&|;|\|)\s*")]
    private static partial Regex Separator();

    [GeneratedRegex(@"'[^']*'|""[^""]*""|\S*\{[^}]*\}\S*|\S+")]
    private static partial Regex Word();

    [GeneratedRegex(@"\]\(([^)#\s]*)(#[^)\s]*)?\)")]
    private static partial Regex Link();

    [GeneratedRegex("[^a-z0-9 _-]")]
    private static partial Regex NotInAnchor();

    [GeneratedRegex(@"^\| `(--[a-z-]+)`", RegexOptions.Multiline)]
    private static partial Regex SiloOption();

    [GeneratedRegex("DISTTRAIN_[A-Z0-9_]*[A-Z0-9]")]
    private static partial Regex Variable();
}
