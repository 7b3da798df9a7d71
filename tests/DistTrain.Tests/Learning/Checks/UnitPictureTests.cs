using DistTrain.Learning;

namespace DistTrain.Tests.Learning.Checks;

public sealed class UnitPictureTests
{
    private static readonly DatasetIdentity Identity = new("t", 1, "0");

    private static readonly Network Net = new(new Sequential(
        new Conv2d(new(3, new Pair(3, 3)) { Padding = new Pair(1, 1) }), new Relu(), new MaxPool2d(new(new Pair(2, 2))), new Conv2d(new(2, new Pair(3, 3))), new Relu(), new Flatten(), new Linear(new(2))), new Shape(1, 8, 8));

    private static float[] Weights()
    {
        var weights = new float[Net.Layout.Length];
        foreach (var (name, values) in new[] { ("0.weight", Fill(11, 27)), ("0.bias", [0.25f, 0.25f, 0.25f]), ("3.weight", Fill(5, 54)), ("3.bias", [0.5f, 0.5f]) })
            values.CopyTo(weights, Net.Layout.Slices.First(s => s.Name == name).Offset);
        return weights;
    }

    private static float[] Fill(int first, int count) => [.. Enumerable.Range(0, count).Select(i => ((i * 37 + first) % 17 - 8) / 16f)];

    // PyTorch: conv_transpose2d of relu(signal), max_unpool2d with the maxima's places, relu, conv_transpose2d.
    [Theory]
    [InlineData(0, 0.87744140625, -0.2673454284667969, 1.0941529273986816, -9.384510040283203)]
    [InlineData(1, 0.863037109375, -0.25284290313720703, 1.0854917764663696, -7.271762847900391)]
    public void The_view_of_a_unit_is_PyTorchs_deconvnet(int channel, double value, double sum, double norm, double weighted)
    {
        var (weights, image) = (Weights(), Fill(2, 64));
        Assert.Equal([1, 4], UnitPictures.Places(Net));
        var data = NumericImages(image);
        var strongest = UnitPictures.Strongest(Net, weights, 4, data, 1)[channel];
        Assert.Equal((0, 1, 1), (strongest[0].Sample, strongest[0].Y, strongest[0].X));
        Assert.Equal(value, strongest[0].Value, 1e-6);
        var back = UnitPictures.Back(Net, weights, 4, channel, strongest[0], image);
        Assert.Equal(sum, back.Sum(v => (double)v), 1e-5);
        Assert.Equal(norm, Math.Sqrt(back.Sum(v => (double)v * v)), 1e-5);
        Assert.Equal(weighted, back.Select((v, i) => (double)v * i).Sum(), 1e-4);
    }

    [Fact]
    public void The_nine_strongest_places_are_in_order_one_a_sample()
    {
        var weights = Weights();
        var samples = Enumerable.Range(0, 40).Select(n => Fill(n * 3, 64)).ToArray();
        var data = NumericImages([.. samples.SelectMany(s => s)]);
        var found = UnitPictures.Strongest(Net, weights, 1, data, 40)[2];
        Assert.Equal(9, found.Count);
        Assert.Equal(9, found.Select(f => f.Sample).Distinct().Count());
        // By hand: channel 2 of the first convolution, the largest over the plane, then the ReLU.
        var w = Fill(11, 27)[18..];
        double At(float[] x, int py, int px)
        {
            var sum = 0.25;
            for (var ky = 0; ky < 3; ky++)
                for (var kx = 0; kx < 3; kx++)
                    if (py + ky - 1 is >= 0 and < 8 && px + kx - 1 is >= 0 and < 8) sum += w[ky * 3 + kx] * x[(py + ky - 1) * 8 + px + kx - 1];
            return sum;
        }
        var largest = samples.Select(x => Enumerable.Range(0, 64).Max(i => At(x, i / 8, i % 8))).OrderDescending().Take(9).ToArray();
        for (var i = 0; i < 9; i++)
        {
            Assert.Equal(largest[i], found[i].Value, 1e-5);
            Assert.Equal(found[i].Value, At(samples[found[i].Sample], found[i].Y, found[i].X), 1e-5);
        }
    }

    [Fact]
    public void A_picture_has_a_row_of_patches_and_views_for_each_unit()
    {
        var data = NumericImages([.. Enumerable.Range(0, 12).SelectMany(n => Fill(n * 3, 64))]);
        var picture = UnitPictures.Draw(Net, Weights(), 1, data, 12, units: 2);
        // A 3 x 3 patch 12 times as large, 6 tiles wide and 3 high, two units.
        Assert.Equal((3, 6 * (36 + 2) + 6, 2 * (3 * (36 + 2) + 6)), (picture.Channels, picture.Width, picture.Height));
        Assert.True(picture.Values.ToArray().Distinct().Count() > 10);
        // Behind the second convolution an element sees 1 + 2 + 1 + 2·2 = 8 pixels.
        Assert.Equal(6 * (5 * 8 + 2) + 6, UnitPictures.Draw(Net, Weights(), 4, data, 12, units: 2).Width);
    }

    private static NumericTableAsImages NumericImages(float[] values) => new(values);

    private sealed class NumericTableAsImages(float[] values) : Dataset
    {
        public override int Count => values.Length / 64;

        public override Shape InputShape => new(1, 8, 8);

        public override Shape TargetShape => new();

        public override TargetKind TargetKind => TargetKind.Labels;

        public override int Classes => 2;

        public override DatasetIdentity Identity => UnitPictureTests.Identity;

        public override void Read(int index, Span<float> input, Span<int> target)
        {
            values.AsSpan(index * 64, 64).CopyTo(input);
            target.Clear();
        }
    }
}
