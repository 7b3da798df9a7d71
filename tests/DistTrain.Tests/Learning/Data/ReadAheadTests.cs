using DistTrain.Learning;
using DistTrain.Tests.Training;

namespace DistTrain.Tests.Learning.Data;

public sealed class ReadAheadTests
{
    [Fact]
    public void What_was_expected_is_what_would_have_been_read()
    {
        var images = new SyntheticImages(40, 1);
        var source = new Augmented(images, [new HorizontalFlip(new()), new RandomCrop(new(null, 2)), new Brightness(new())], 3);
        var ahead = new ReadAhead(source);
        var (input, target) = (source.InputShape.Length, source.TargetShape.Length);
        Assert.True(source.IsCostly);
        for (var round = 0; round < 50; round++)
        {
            int[] indexes = [round % 40, (round * 7 + 3) % 40, (round * 5 + 1) % 40];
            ahead.Expect(indexes, round);
            if (round % 3 == 0) ahead.Expect([round % 40], round); // nobody comes for these
            var (seen, wanted, labels) = (new float[3 * input], new float[3 * input], new int[3 * target]);
            ahead.ReadAll(indexes, round, seen, labels);
            source.ReadAll(indexes, round, wanted, labels);
            Assert.Equal(wanted, seen);
        }
        Assert.Equal(50, ahead.Taken);
    }

    [Fact]
    public void A_sample_that_cannot_be_read_fails_who_comes_for_it_and_nobody_else()
    {
        var ahead = new ReadAhead(new Augmented(new SyntheticImages(4, 1), [new HorizontalFlip(new())], 3));
        ahead.Expect([99], 0);
        Assert.Contains("could not be read", Assert.Throws<DatasetException>(() => ahead.ReadAll([99], 0, new float[ahead.InputShape.Length], new int[1])).Message, StringComparison.Ordinal);
        ahead.ReadAll([1], 0, new float[ahead.InputShape.Length], new int[1]);
    }
}
