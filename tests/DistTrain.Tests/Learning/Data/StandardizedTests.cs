using DistTrain.Learning;
using static DistTrain.Tests.Learning.Data.DataFiles;

namespace DistTrain.Tests.Learning.Data;

public sealed class StandardizedTests : IDisposable
{
    private static readonly DatasetIdentity _identity = new("made", 0, "");

    private readonly DataFiles _files = new();

    public void Dispose() => _files.Dispose();

    private static bool Near(float a, float b) => Math.Abs(a - b) < 1e-6f;

    [Fact]
    public void Statistics_are_those_of_the_training_set_by_channel()
    {
        var train = new ByteImages(new(2, 1, 2), [0, 255, 10, 10, 255, 0, 10, 10], [0, 1], 2, _identity);
        var test = new ByteImages(new(2, 1, 2), [255, 255, 11, 10], [1], 2, _identity);
        var statistics = ChannelStatistics.Of(train);
        Assert.Equal([0.5, 10 / 255.0], statistics.Mean);
        // The second channel never varies: its deviation counts as 1.
        Assert.Equal([0.5, 1], statistics.Deviation);
        var split = Standardized.Apply(new(train, test));
        Assert.Equal([-1, 1, 0, 0], Sample(split.Train, 0).Input, Near);
        Assert.Equal([1, 1, 1 / 255f, 0], Sample(split.Test, 0).Input, Near);
        Assert.Equal([1], Sample(split.Test, 0).Target);
        Assert.Equal(train.Identity, split.Train.Identity);
    }

    [Fact]
    public void Every_byte_converts_alike_at_every_position_of_a_vector()
    {
        for (var width = 1; width <= 19; width++)
        {
            var plain = new ByteImages(new(1, 1, width), [.. Enumerable.Range(0, 256 * width).Select(i => (byte)(i / width))], new int[256], 1, _identity);
            var standardized = plain.StandardizedBy(new([0.1306604762738429], [0.30810780385646264]));
            var (scale, shift) = ((float)(1 / (255 * 0.30810780385646264)), (float)(-0.1306604762738429 / 0.30810780385646264));
            for (var value = 0; value < 256; value++)
            {
                Assert.All(Sample(plain, value).Input, x => Assert.Equal(value / 255f, x));
                Assert.All(Sample(standardized, value).Input, x => Assert.Equal(MathF.FusedMultiplyAdd(value, scale, shift), x));
            }
        }
    }

    [Fact]
    public void Columns_of_a_table_are_channels()
    {
        var path = _files.Write("a.csv", "1,100,0\n3,300,1\n");
        _files.Write("b.csv", "5,100,1\n");
        var split = Standardized.Apply(new Csv(new(Test: "b.csv")).Open(path, 1));
        Assert.Equal([-1, -1], Sample(split.Train, 0).Input, Near);
        Assert.Equal([1, 1], Sample(split.Train, 1).Input, Near);
        Assert.Equal([3, -1], Sample(split.Test, 0).Input, Near);
        Assert.Equal([1], Sample(split.Test, 0).Target);
    }

    [Fact]
    public void Images_that_do_not_fit_are_refused()
    {
        Assert.StartsWith("2 images of [1, 1, 2] are 4 bytes; 5 are given.", Assert.Throws<ArgumentException>(() => new ByteImages(new(1, 1, 2), new byte[5], new int[2], 2, _identity)).Message);
        Assert.StartsWith("label 1 is 2; it must be in [0, 2).", Assert.Throws<ArgumentOutOfRangeException>(() => new ByteImages(new(1, 1, 2), new byte[4], [0, 2], 2, _identity)).Message);
        var images = new ByteImages(new(1, 1, 2), new byte[4], [0, 1], 2, _identity);
        Assert.StartsWith("input holds 3 elements; an image of [1, 1, 2] has 2.", Assert.Throws<ArgumentException>(() => images.Read(0, new float[3], new int[1])).Message);
        Assert.Equal("made has no samples, so there is no mean to standardize by. Give a training set with at least one sample, or set standardize to false.",
            Assert.Throws<DatasetException>(() => ChannelStatistics.Of(new ByteImages(new(1, 1, 2), [], [], 2, _identity))).Message);
    }
}
