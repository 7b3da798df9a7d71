using DistTrain.Learning;
using static DistTrain.Tests.Learning.Data.DataFiles;

namespace DistTrain.Tests.Learning.Data;

/// <summary>Formats made of another format: noise with the clean sample as target, triplets drawn by label.</summary>
public sealed class DerivedTests
{
    [Fact]
    public void A_noisy_sample_has_itself_without_noise_as_target()
    {
        var clean = new Digits(new(Train: 200, Test: 20)).Open("", 3);
        var noisy = new Noisy(new(new Digits(new(Train: 200, Test: 20)), Deviation: 0.5)).Open("", 3);
        Assert.Equal((TargetKind.Values, 0, new Shape(1, 28, 28), new Shape(1, 28, 28)), (noisy.Train.TargetKind, noisy.Train.Classes, noisy.Train.InputShape, noisy.Train.TargetShape));
        var (sum, squares, count) = (0.0, 0.0, 0);
        for (var i = 0; i < 40; i++)
        {
            var (x, target) = (At(noisy.Train, i, 2), Sample(clean.Train, i).Input);
            Assert.Equal(target, x.Target.Select(BitConverter.Int32BitsToSingle));
            foreach (var n in x.Input.Zip(target, (a, b) => (double)a - b)) (sum, squares, count) = (sum + n, squares + n * n, count + 1);
        }
        Assert.InRange(sum / count, -0.01, 0.01);
        Assert.InRange(Math.Sqrt(squares / count), 0.49, 0.51);
        Assert.Equal(At(noisy.Train, 5, 2).Input, At(noisy.Train, 5, 2).Input);
        Assert.NotEqual(At(noisy.Train, 5, 2).Input, At(noisy.Train, 5, 3).Input);
        Assert.Equal(At(noisy.Test, 5, 2).Input, At(noisy.Test, 5, 3).Input);
        Assert.NotEqual(At(noisy.Test, 5, 0).Input.Zip(Sample(clean.Test, 5).Input, (a, b) => a - b), At(noisy.Train, 5, 0).Input.Zip(Sample(clean.Train, 5).Input, (a, b) => a - b));
        var none = new Noisy(new(new Digits(new(Train: 20, Test: 20)), Deviation: 0)).Open("", 3).Train;
        Assert.Equal(At(none, 7, 1).Input, At(none, 7, 0).Target.Select(BitConverter.Int32BitsToSingle));
    }

    [Fact]
    public void Triplets_are_an_anchor_another_of_its_class_and_one_of_another_class()
    {
        var plain = new Digits(new(Train: 200, Test: 40)).Open("", 3).Train;
        var triplets = (TripletSamples)new Triplets(new(new Digits(new(Train: 200, Test: 40)))).Open("", 3).Train;
        Assert.Equal((200, new Shape(1, 3, 28, 28), new Shape()), (triplets.Count, triplets.InputShape, triplets.TargetShape));
        int Label(int index) => Sample(plain, index).Target[0];
        var (positives, negatives) = (new HashSet<int>(), new HashSet<int>());
        for (var epoch = 0L; epoch < 60; epoch++)
            for (var i = 0; i < 200; i++)
            {
                var (anchor, positive, negative) = triplets.At(i, epoch);
                Assert.Equal(i, anchor);
                Assert.NotEqual(i, positive);
                Assert.Equal(Label(i), Label(positive));
                Assert.NotEqual(Label(i), Label(negative));
                if (i != 7) continue;
                positives.Add(positive);
                negatives.Add(negative);
            }
        Assert.InRange(positives.Count, 15, 19); // of 19 others
        Assert.InRange(negatives.Count, 40, 60); // of 180, drawn 60 times
        var (drawn, sample) = (triplets.At(7, 4), At(triplets, 7, 4));
        Assert.Equal([.. Sample(plain, drawn.Anchor).Input, .. Sample(plain, drawn.Positive).Input, .. Sample(plain, drawn.Negative).Input], sample.Input);
        Assert.Equal([Label(7)], sample.Target);
    }

    [Fact]
    public void Colour_images_keep_their_channels_together()
    {
        byte[] pixels = [.. Enumerable.Range(0, 4 * 3 * 4).Select(v => (byte)v)];
        var triplets = new TripletSamples(new ByteImages(new(3, 2, 2), pixels, [0, 0, 1, 1], 2, new("four", 48, "")), 1, "train");
        Assert.Equal(new Shape(3, 3, 2, 2), triplets.InputShape);
        var (sample, drawn) = (Sample(triplets, 2).Input, triplets.At(2, 0));
        Assert.Equal((2, 3), (drawn.Anchor, drawn.Positive));
        for (var c = 0; c < 3; c++)
            for (var part = 0; part < 3; part++)
                Assert.Equal(Enumerable.Range(0, 4).Select(p => (12 * new[] { drawn.Anchor, drawn.Positive, drawn.Negative }[part] + 4 * c + p) / 255f), sample[((c * 3 + part) * 4)..((c * 3 + part + 1) * 4)]);
    }

    [Fact]
    public void What_cannot_be_drawn_from_is_refused()
    {
        Assert.Equal("the test set of triplets has one sample alone of class 0, 1, 2, 3, 4, 5, 6, 7 . Each class that it has must have at least 2, an anchor and a positive: add samples, or take a larger set.".Replace(" .", ".", StringComparison.Ordinal), Refusal(new Triplets(new(new Digits(new(Train: 40, Test: 10)))), ""));
        Assert.Equal("the option of of triplets gives values of [1]. It must be a format with one class label a sample, such as digits, images or csv: triplets are drawn by it.", Refusal(new Triplets(new(new NoisyCurve(new()))), ""));
        using var files = new DataFiles();
        var one = files.Write("one.csv", "1,0\n2,0\n3,0\n4,0\n5,0\n6,0\n7,0\n8,0\n9,0\n10,0\n");
        Assert.Equal("the train set of triplets has samples of one class alone. It must have at least 2 classes: the negative is of another.", Refusal(new Triplets(new(new Csv(new()))), one));
        var noisy = new Noisy(new(new Digits(new(Train: 20, Test: 20)))).Open("", 1);
        Assert.Equal("augmentations would change the input and not the target image [1, 28, 28] that belongs to it. Remove data.augment.", Assert.Throws<ShapeException>(() => new Augmented(noisy.Train, [new HorizontalFlip(new())], 1)).Message);
        Assert.Equal([("noisy.of.csv.test", "more.csv", "folder/more.csv")], new Noisy(new(new Csv(new(Test: "more.csv")))).FilesBeside("folder/a.csv"));
    }

    private static (float[] Input, int[] Target) At(Dataset set, int index, long epoch)
    {
        var (input, target) = (new float[set.InputShape.Length], new int[set.TargetShape.Length]);
        set.Read(index, epoch, input, target);
        return (input, target);
    }
}
