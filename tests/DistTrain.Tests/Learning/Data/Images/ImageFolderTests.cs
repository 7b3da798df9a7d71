using DistTrain.Learning;

namespace DistTrain.Tests.Learning.Data.Images;

public sealed class ImageFolderTests : IDisposable
{
    private readonly DataFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void Classes_are_the_folders_in_order_and_images_are_resized()
    {
        foreach (var part in (string[])["train", "test"])
            foreach (var (name, value) in (ReadOnlySpan<(string, byte)>)[("cat", 10), ("ant", 200)])
                for (var i = 0; i < 3; i++) Paint($"{part}/{name}/{i}.png", 4 + i, 6, 3, value);
        var (train, test) = new ImageFolder(new(new Pair(5, 5))).Open(_files.Folder, 1);
        Assert.Equal((6, 6, 2, new Shape(3, 5, 5)), (train.Count, test.Count, train.Classes, train.InputShape));
        Assert.Equal(["ant", "cat"], ((ByteImages)train).ClassNames);
        var (input, target) = (new float[75], new int[1]);
        train.Read(0, input, target);
        Assert.Equal(0, target[0]);
        Assert.All(input, x => Assert.Equal(200 / 255f, x));
        train.Read(5, input, target);
        Assert.Equal((1, 10 / 255f), (target[0], input[0]));
    }

    [Fact]
    public void Without_a_test_folder_the_seed_draws_a_share_of_each_class()
    {
        foreach (var name in (string[])["a", "b"])
            for (var i = 0; i < 20; i++) Paint($"{name}/{i}.png", 3, 3, 1, (byte)(i + (name == "a" ? 0 : 100)));
        var format = new ImageFolder(new(Channels: 1, TestFraction: 0.25));
        var (train, test) = format.Open(_files.Folder, 1);
        Assert.Equal((30, 10), (train.Count, test.Count));
        Assert.Equal(5, ((ByteImages)test).Labels.ToArray().Count(label => label == 0));
        var values = ((ByteImages)train).Pixels.ToArray().Concat(((ByteImages)test).Pixels.ToArray()).Where((_, i) => i % 9 == 0).Order().ToArray();
        Assert.Equal([.. Enumerable.Range(0, 20).Select(i => (byte)i), .. Enumerable.Range(100, 20).Select(i => (byte)i)], values);
        Assert.Equal(test.Identity, format.Open(_files.Folder, 1).Test.Identity);
        Assert.NotEqual(test.Identity.Sha256, format.Open(_files.Folder, 2).Test.Identity.Sha256);
    }

    [Theory]
    [InlineData("b/x.jpg", "has 1 image that is not PNG, such as x.jpg")]
    [InlineData("b/other.png", "All must be equal: set the option size")]
    [InlineData("c/.keep", "has no PNG image")]
    public void What_cannot_be_used_is_said_with_what_to_do(string file, string said)
    {
        foreach (var name in (string[])["a", "b"])
            for (var i = 0; i < 2; i++) Paint($"{name}/{i}.png", 3, 3, 1, 7);
        if (file.EndsWith(".png", StringComparison.Ordinal)) Paint(file, 4, 4, 1, 7);
        else
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_files[file])!);
            _files.Write(file, "none");
        }
        Assert.Contains(said, Assert.Throws<DatasetException>(() => new ImageFolder(new()).Open(_files.Folder, 1)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Pairs_read_a_class_for_each_pixel_from_grey_or_coloured_masks()
    {
        for (var i = 0; i < 4; i++)
        {
            Paint($"images/{i}.png", 2, 3, 3, 50);
            Save($"masks/{i}.png", new Picture(3, 2, 3, [0, 0, 0, 128, 0, 0, 0, 128, 0, 9, 9, 9, 128, 0, 0, 0, 0, 0]));
        }
        var colours = new ImagePairs(new() { Colors = ["000000", "800000", "008000"] });
        var (train, test) = colours.Open(_files.Folder, 3);
        Assert.Equal((3, 1, 3, new Shape(2, 3)), (train.Count, test.Count, train.Classes, train.TargetShape));
        var (input, target) = (new float[18], new int[6]);
        test.Read(0, input, target);
        Assert.Equal([0, 1, 2, 0, 1, 0], target);
        Assert.Equal([0, 0, 0, 128, 0, 0, 0, 128, 0, 0, 0, 0, 128, 0, 0, 0, 0, 0], new ClassColors(["000000", "800000", "008000"]).Paint(target, 2, 3).Values.ToArray());
        Assert.Contains("has class 128", Assert.Throws<DatasetException>(() => new ImagePairs(new(Classes: 3)).Open(_files.Folder, 3)).Message, StringComparison.Ordinal);
    }

    private void Paint(string file, int height, int width, int channels, byte value) => Save(file, new Picture(width, height, channels, [.. Enumerable.Repeat(value, width * height * channels)]));

    private void Save(string file, Picture picture)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_files[file])!);
        using var stream = File.Create(_files[file]);
        PngWriter.Write(stream, picture);
    }
}
