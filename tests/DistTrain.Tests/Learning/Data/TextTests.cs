using DistTrain.Learning;

namespace DistTrain.Tests.Learning.Data;

public sealed class TextTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void Windows_hold_the_text_and_targets_are_one_character_further()
    {
        File.WriteAllText(_path, "hello world, é𝄞!" + new string('a', 14)); // 30 characters, two of them outside ASCII
        var split = new TextFormat(new(Length: 4, Stride: 3, TestFraction: 0.3)).Open(_path, 1);
        var train = (TextWindows)split.Train;
        Assert.Equal(" !,adehlorwé𝄞", train.Tokens.Decode(Enumerable.Range(0, train.Vocabulary)));
        Assert.Equal((13, 13, TargetKind.Labels), (train.Vocabulary, train.Classes, train.TargetKind));
        // 21 characters to train: windows of 4 at 0, 3, ... 15, each followed by one more.
        Assert.Equal(6, train.Count);
        Assert.Equal(("hell", "ello"), Sample(train, 0));
        Assert.Equal(("lo w", "o wo"), Sample(train, 1));
        Assert.Equal(("!aaa", "aaaa"), Sample(train, 5));
        // 9 to test, not overlapping: 0 and 4.
        Assert.Equal(2, split.Test.Count);
        Assert.Equal(train.Identity.Sha256, split.Test.Identity.Sha256);
        Assert.Contains("U+007A", Assert.Throws<DatasetException>(() => train.Tokens.Encode("z")).Message);
    }

    [Theory]
    [InlineData("ab", "Each part must have more than length = 4")]
    [InlineData(null, "which is no file")]
    public void What_cannot_be_is_said(string? text, string problem)
    {
        if (text is null) File.Delete(_path);
        else File.WriteAllText(_path, text);
        Assert.Contains(problem, Assert.Throws<DatasetException>(() => new TextFormat(new(Length: 4)).Open(_path, 1)).Message);
        File.WriteAllBytes(_path, [0x61, 0xFF, 0xFE, 0x62]);
        Assert.Contains("is not UTF-8", Assert.Throws<DatasetException>(() => new TextFormat(new(Length: 1)).Open(_path, 1)).Message);
    }

    private static (string Input, string Target) Sample(TextWindows data, int index)
    {
        var (input, target) = (new float[4], new int[4]);
        data.Read(index, input, target);
        return (data.Tokens.Decode(input.Select(v => (int)v)), data.Tokens.Decode(target));
    }
}
