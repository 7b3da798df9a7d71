namespace DistTrain.Tests.House;

/// <summary>One file, one idea: soft 250 lines, hard 400.</summary>
public sealed class SizeTests
{
    private const int HardLimitLines = 400;

    // path -> why it may be longer
    private static readonly Dictionary<string, string> Longer = new();

    [Fact]
    public void No_source_file_is_longer_than_400_lines()
    {
        var tooLong = Repository.Files("*.cs").Select(path => (Path: Repository.Relative(path), Lines: File.ReadLines(path).Count()))
            .Where(f => f.Lines > HardLimitLines && !Longer.ContainsKey(f.Path)).Select(f => $"{f.Path} ({f.Lines})").ToList();
        Assert.True(tooLong.Count == 0, $"longer than {HardLimitLines} lines: {string.Join(", ", tooLong)}. Split by idea, with a dotted suffix where one idea needs two files.");
    }

    [Fact]
    public void The_words_that_name_nothing_are_not_used_for_types()
    {
        string[] empty = ["Manager", "Helper", "Utils", "Common", "Core", "Service", "Processor", "Handler", "Impl"];
        var named = Repository.Files("*.cs").Select(p => Path.GetFileNameWithoutExtension(p).Split('.')[0])
            .Where(name => empty.Any(word => name.EndsWith(word, StringComparison.Ordinal))).ToList();
        Assert.True(named.Count == 0, $"named after nothing: {string.Join(", ", named)}. Say the role in the field's words.");
    }
}
