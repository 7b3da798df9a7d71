using System.Text.Json.Nodes;
using DistTrain.Kernels;
using DistTrain.Learning;

namespace DistTrain.Tests.Learning.Data.Augmentations;

public sealed class AugmentationTests
{
    private static readonly Shape _image = new(3, 8, 10);
    private static readonly ByteImages _data = Images();

    public static TheoryData<string> Names() => new(Catalog.BuiltIn.All<Augmentation>().Select(a => a.Name));

    private static ByteImages Images()
    {
        var pixels = new byte[6 * _image.Length];
        for (var i = 0; i < pixels.Length; i++) pixels[i] = (byte)((i * 7 + i / 31 * 13) % 251);
        return new ByteImages(_image, pixels, [0, 1, 0, 1, 0, 1], 2, new DatasetIdentity("images", pixels.Length, "0"));
    }

    private static Augmentation Make(string name)
    {
        var problems = new List<Problem>();
        return Catalog.BuiltIn.Create<Augmentation>(name, name == "resize" ? new JsonObject { ["size"] = new JsonArray(5, 6) } : name == "crop" ? new JsonObject { ["padding"] = 2 } : null, "augment", problems)!;
    }

    private static float[] Read(Dataset data, int index, long epoch)
    {
        var input = new float[data.InputShape.Length];
        data.Read(index, epoch, input, new int[data.TargetShape.Length]);
        return input;
    }

    [Theory, MemberData(nameof(Names))]
    public void A_sample_depends_on_seed_epoch_and_index_alone(string name)
    {
        var (train, test) = Augmented.Apply(new DataSplit(_data, _data), [Make(name)], 5);
        var (again, _) = Augmented.Apply(new DataSplit(_data, _data), [Make(name)], 5);
        var all = Enumerable.Range(0, 24).Select(i => Read(train, i % 6, i / 6)).ToArray();
        for (var i = 23; i >= 0; i--) Assert.Equal(all[i], Read(again, i % 6, i / 6));
        Assert.All(all.SelectMany(x => x), x => Assert.True(float.IsFinite(x)));
        Assert.Equal(train.InputShape, test.InputShape);
        if (name == "resize") return;
        // Something changes in some epoch, and another seed draws otherwise.
        Assert.Contains(Enumerable.Range(1, 3), epoch => !all[0].SequenceEqual(Read(train, 0, epoch)));
        var (other, _) = Augmented.Apply(new DataSplit(_data, _data), [Make(name)], 6);
        Assert.Contains(Enumerable.Range(0, 24), i => !all[i].SequenceEqual(Read(other, i % 6, i / 6)));
        Assert.Equal(Read(_data, 2, 0), Read(test, 2, 0));
    }

    [Fact]
    public void Flips_mirror_the_image_and_its_classes()
    {
        var sample = Sample(out var image);
        Apply(new HorizontalFlip(new(1)), sample);
        Assert.Equal(image[9], sample.Image[0]);
        Assert.Equal([4, 3, 2, 1, 0], sample.Classes[..10].ToArray().Where((_, i) => i % 2 == 0).ToArray());
        Apply(new VerticalFlip(new(1)), sample);
        Assert.Equal(image[7 * 10 + 9], sample.Image[0]);
        Apply(new HorizontalFlip(new(1)), sample);
        Apply(new VerticalFlip(new(1)), sample);
        Assert.Equal(image, sample.Image.ToArray());
    }

    [Fact]
    public void A_crop_cuts_the_image_and_the_map_of_its_classes_at_the_same_place()
    {
        for (var seed = 0ul; seed < 40; seed++)
        {
            var sample = new AugmentedSample();
            sample.Begin(new Shape(1, 6, 7), hasClasses: true);
            for (var i = 0; i < 42; i++) (sample.Image[i], sample.Classes[i]) = (i + 1, i + 1);
            var random = new RandomStream(seed, 0);
            new RandomCrop(new(new Pair(4, 5), Padding: 2)).Apply(sample, ref random);
            Assert.Equal((4, 5), (sample.Height, sample.Width));
            for (var i = 0; i < 20; i++) Assert.Equal(sample.Image[i], sample.Classes[i]);
        }
    }

    [Fact]
    public void A_resized_crop_keeps_image_and_classes_together_and_covers_what_it_says()
    {
        var areas = new List<double>();
        for (var seed = 0ul; seed < 300; seed++)
        {
            var sample = new AugmentedSample();
            sample.Begin(new Shape(2, 32, 32), hasClasses: true);
            for (var y = 0; y < 32; y++)
                for (var x = 0; x < 32; x++) (sample.Plane(0)[y * 32 + x], sample.Plane(1)[y * 32 + x], sample.Classes[y * 32 + x]) = (x, y, 32 * y + x);
            var random = new RandomStream(seed, 0);
            new ResizedCrop(new(new Pair(16, 16))).Apply(sample, ref random);
            for (var i = 0; i < 256; i++)
            {
                Assert.InRange(sample.Plane(0)[i] - sample.Classes[i] % 32, -1.6, 1.6);
                Assert.InRange(sample.Plane(1)[i] - sample.Classes[i] / 32, -1.6, 1.6);
            }
            areas.Add((sample.Plane(0)[15] - sample.Plane(0)[0]) * (sample.Plane(1)[240] - sample.Plane(1)[0]) / (30.0 * 30));
        }
        Assert.InRange(areas.Min(), 0.05, 0.2);
        Assert.InRange(areas.Max(), 0.8, 1.1);
    }

    [Fact]
    public void A_rotation_by_a_right_angle_is_exact_to_rounding()
    {
        var sample = new AugmentedSample();
        sample.Begin(new Shape(1, 5, 5), hasClasses: false);
        for (var i = 0; i < 25; i++) sample.Image[i] = i;
        var (cos, sin) = ((float)Scalar64.Cos(Math.PI / 2), (float)Scalar64.Sin(Math.PI / 2));
        sample.Warp(cos, -sin, sin, cos);
        for (var y = 0; y < 5; y++)
            for (var x = 0; x < 5; x++) Assert.Equal((4 - x) * 5 + y, sample.Image[y * 5 + x], 1e-4f);
    }

    [Theory]
    [InlineData(1f, 0f, 0f, 1f / 3, 0f, 1f, 0f)] // red to green
    [InlineData(0.8f, 0.4f, 0.2f, 0f, 0.8f, 0.4f, 0.2f)]
    [InlineData(0.5f, 0.5f, 0.5f, 0.25f, 0.5f, 0.5f, 0.5f)] // grey stays
    [InlineData(0.2f, 0.6f, 0.4f, 0.5f, 0.6f, 0.2f, 0.4f)]
    public void Hue_turns_as_the_colour_wheel_does(float r, float g, float b, float turn, float toRed, float toGreen, float toBlue)
    {
        var turned = Hue.Turned(r, g, b, turn);
        Assert.Equal(toRed, turned.R, 1e-5f);
        Assert.Equal(toGreen, turned.G, 1e-5f);
        Assert.Equal(toBlue, turned.B, 1e-5f);
    }

    [Fact]
    public void Bilinear_resampling_is_that_of_torch()
    {
        // torch.nn.functional.interpolate(torch.arange(12.).reshape(1, 1, 3, 4), size=(5, 6), mode="bilinear", align_corners=False)
        float[] expected = [0, 0.5f, 1.1666666f, 1.8333334f, 2.5f, 3, 1.6f, 2.1f, 2.7666667f, 3.4333334f, 4.1f, 4.6f, 4, 4.5f, 5.1666665f, 5.8333335f, 6.5f, 7, 6.4f, 6.9f, 7.5666666f, 8.233334f, 8.9f, 9.4f, 8, 8.5f, 9.166667f, 9.833333f, 10.5f, 11];
        var result = new float[30];
        Resampling.Resize([.. Enumerable.Range(0, 12).Select(i => (float)i)], 1, 3, 4, (0, 0, 3, 4), result, 5, 6);
        for (var i = 0; i < 30; i++) Assert.Equal(expected[i], result[i], 1e-5f);
        // ... size=(2, 2), antialias=True
        Resampling.Resize([.. Enumerable.Range(0, 12).Select(i => (float)i)], 1, 3, 4, (0, 0, 3, 4), result.AsSpan(0, 4), 2, 2);
        float[] smaller = [2.2142859f, 3.7857146f, 7.2142859f, 8.7857141f];
        for (var i = 0; i < 4; i++) Assert.Equal(smaller[i], result[i], 1e-5f);
    }

    [Fact]
    public void Colours_vary_along_the_axes_that_the_training_set_varies_along()
    {
        // Red and green go together, blue stays: shifts are along (1, 1, 0).
        var pixels = new byte[20 * 3 * 4];
        for (var n = 0; n < 20; n++)
            for (var p = 0; p < 4; p++) pixels[n * 12 + p] = pixels[n * 12 + 4 + p] = (byte)(n * 12);
        var data = new ByteImages(new(3, 2, 2), pixels, new int[20], 2, new DatasetIdentity("i", 1, "0"));
        var (train, _) = Augmented.Apply(new DataSplit(data, data), [new PcaColor(new(0.5))], 1);
        var (was, now) = (Read(data, 3, 0), Read(train, 3, 0));
        Assert.NotEqual(was[0], now[0]);
        Assert.Equal(now[0] - was[0], now[4] - was[4], 1e-5f);
        Assert.Equal(was[8], now[8], 1e-5f);
    }

    private static AugmentedSample Sample(out float[] image)
    {
        var sample = new AugmentedSample();
        sample.Begin(_image, hasClasses: true);
        Read(_data, 0, 0).CopyTo(sample.Image);
        for (var i = 0; i < 80; i++) sample.Classes[i] = i % 10 / 2;
        image = sample.Image.ToArray();
        return sample;
    }

    private static void Apply(Augmentation step, AugmentedSample sample)
    {
        var random = new RandomStream(1, 1);
        step.Apply(sample, ref random);
    }
}
