using System.Text.RegularExpressions;
using DistTrain.Learning;
using DistTrain.Tests.House;
using DistTrain.Training.Specs;

namespace DistTrain.Tests.Documentation;

/// <summary>docs/from-pytorch.md names nothing that is not there.</summary>
public sealed partial class FromPyTorchTests
{
    private static readonly Dictionary<string, Type> Kinds = new(StringComparer.Ordinal)
    {
        ["Layers"] = typeof(Layer), ["Losses"] = typeof(Loss), ["Optimizers"] = typeof(Optimizer), ["Schedules"] = typeof(Schedule), ["Initializers"] = typeof(Initializer),
        ["Models"] = typeof(Model), ["Data"] = typeof(DatasetFormat), ["Transforms"] = typeof(Transform), ["Augmentations"] = typeof(Augmentation),
    };

    [Fact]
    public void Every_component_and_option_that_the_page_names_is_in_the_catalogue()
    {
        var (wrong, seen) = (new List<string>(), 0);
        foreach (var (section, theirs, notes) in Rows())
        {
            if (!Kinds.TryGetValue(section, out var kind)) continue;
            // The second column holds one component with options; the third names more of the kind, and options in braces or alone.
            foreach (Match named in Code().Matches(theirs))
            {
                var (name, options) = (named.Groups["name"].Value, named.Groups["options"].Value);
                seen++;
                if (Catalog.BuiltIn.Find(kind, name) is not { } component) wrong.Add($"{section}: {name} is no {Catalog.KindName(kind)}");
                else wrong.AddRange(options.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Where(o => component.Options.All(known => known.Name != o)).Select(o => $"{section}: {name} has no option {o}"));
            }
            var after = notes.IndexOf("and `", StringComparison.Ordinal);
            foreach (Match more in Code().Matches(after < 0 ? "" : notes[after..]))
            {
                seen++;
                if (Catalog.BuiltIn.Find(kind, more.Groups["name"].Value) is null) wrong.Add($"{section}: {more.Groups["name"].Value} is no {Catalog.KindName(kind)}");
            }
        }
        Assert.True(seen > 100, $"only {seen} names were found; the page or the pattern has changed.");
        Assert.True(wrong.Count == 0, string.Join("\n", wrong));
    }

    [Fact]
    public void Every_component_of_the_catalogue_is_on_the_page()
    {
        var rows = Rows().ToArray();
        var missing = from kind in Kinds
                      from component in Catalog.BuiltIn.All(kind.Value)
                      where !rows.Any(r => r.Section == kind.Key && Code().Matches(r.Theirs + r.Notes).Any(m => m.Groups["name"].Value == component.Name))
                      select $"{kind.Key}: {component.Name}";
        Assert.Empty(missing);
    }

    [Fact]
    public void Every_field_that_the_page_names_is_in_the_schema()
    {
        var schema = JobSchema.Text();
        var fields = Rows().Where(r => r.Section == "Training").SelectMany(r => Field().Matches(r.Theirs + r.Notes).Select(m => m.Value)).ToList();
        Assert.True(fields.Count >= 12, $"only {fields.Count} fields were found");
        Assert.All(fields, field => Assert.All(field.Split('.'), part => Assert.Contains($"\"{part}\"", schema, StringComparison.Ordinal)));
    }

    private static IEnumerable<(string Section, string Theirs, string Notes)> Rows()
    {
        var section = "";
        foreach (var line in File.ReadAllLines(Path.Combine(Repository.Root, "docs", "from-pytorch.md")))
        {
            if (line.StartsWith("## ", StringComparison.Ordinal)) section = line[3..];
            if (line.Split('|') is { Length: 5 } cells && !line.StartsWith("|---", StringComparison.Ordinal) && cells[1].Trim() != "PyTorch") yield return (section, cells[2], cells[3]);
        }
    }

    [GeneratedRegex("`(?<name>[a-z][A-Za-z0-9]*)(: \\{(?<options>[^}`]*)\\})?`")]
    private static partial Regex Code();

    [GeneratedRegex("(training|cluster|checkpoint)(\\.[a-zA-Z]+)+")]
    private static partial Regex Field();
}
