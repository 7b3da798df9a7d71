using DistTrain.Kernels;
using DistTrain.Learning;

namespace DistTrain.Tests.Learning.Data.Augmentations;

/// <summary>Each colour change against its formula in float64: the factor is read off one pixel, every other pixel must follow from it.</summary>
public sealed class ColorTests
{
    private const int Pixels = 6;

    // Not so far from the middle that a factor of 0.8 to 1.2 meets 0 or 1.
    private static readonly float[] Before = [.. Enumerable.Range(0, 3 * Pixels).Select(i => 0.35f + (i * 7 + i / 6 * 3) % 11 / 36f)];

    private static double[] After(Augmentation change, ulong stream)
    {
        var sample = new AugmentedSample();
        sample.Begin(new Shape(3, 2, 3), hasClasses: false);
        Before.CopyTo(sample.Image);
        var random = new RandomStream(9, stream);
        change.Apply(sample, ref random);
        return [.. sample.Image.ToArray().Select(v => (double)v)];
    }

    private static double Grey(int pixel) => 0.299 * Before[pixel] + 0.587 * Before[Pixels + pixel] + 0.114 * Before[2 * Pixels + pixel];

    private static void Follows(Augmentation change, Func<int, double> centre, double by)
    {
        var factors = new List<double>();
        for (ulong stream = 0; stream < 20; stream++)
        {
            var after = After(change, stream);
            var at = Enumerable.Range(0, after.Length).MaxBy(i => Math.Abs(Before[i] - centre(i)));
            var factor = (after[at] - centre(at)) / (Before[at] - centre(at));
            factors.Add(factor);
            Assert.InRange(factor, 1 - by - 1e-5, 1 + by + 1e-5);
            for (var i = 0; i < after.Length; i++) Assert.Equal(centre(i) + factor * (Before[i] - centre(i)), after[i], 2e-6);
        }
        Assert.True(factors.Max() - factors.Min() > by); // both ways, all along
    }

    [Fact]
    public void Brightness_multiplies() => Follows(new Brightness(new(0.2)), _ => 0, 0.2);

    [Fact]
    public void Contrast_stretches_about_the_mean_grey()
    {
        var mean = Enumerable.Range(0, Pixels).Average(Grey);
        Follows(new Contrast(new(0.2)), _ => mean, 0.2);
    }

    [Fact]
    public void Saturation_stretches_about_each_pixels_grey() => Follows(new Saturation(new(0.2)), i => Grey(i % Pixels), 0.2);

    [Fact]
    public void A_colour_shift_adds_one_number_a_channel()
    {
        for (ulong stream = 0; stream < 10; stream++)
        {
            var after = After(new ColorShift(new(0.2)), stream);
            var shifts = Enumerable.Range(0, 3).Select(c => after[c * Pixels] - Before[c * Pixels]).ToArray();
            Assert.All(shifts, s => Assert.InRange(s, -0.2 - 1e-6, 0.2 + 1e-6));
            Assert.Equal(3, shifts.Distinct().Count());
            for (var i = 0; i < after.Length; i++) Assert.Equal(Before[i] + shifts[i / Pixels], after[i], 2e-6);
        }
    }

    [Fact]
    public void A_shear_moves_rows_against_each_other_about_the_middle()
    {
        // A vertical line stays one: its place in a row is a line over the rows, through the middle one where it was.
        const int Side = 15;
        var sample = new AugmentedSample();
        var slopes = new HashSet<double>();
        for (ulong stream = 0; stream < 8; stream++)
        {
            sample.Begin(new Shape(1, Side, Side), hasClasses: false);
            for (var i = 0; i < Side * Side; i++) sample.Image[i] = i % Side == 7 ? 1 : 0;
            var random = new RandomStream(9, stream);
            new Shear(new(0.5)).Apply(sample, ref random);
            var centres = Enumerable.Range(0, Side).Select(y => Enumerable.Range(0, Side).Sum(x => x * (double)sample.Image[y * Side + x]) / Enumerable.Range(0, Side).Sum(x => (double)sample.Image[y * Side + x])).ToArray();
            Assert.Equal(7, centres[7], 1e-4);
            var slope = (centres[14] - centres[0]) / 14;
            slopes.Add(Math.Round(slope, 3));
            Assert.InRange(slope, -0.5 - 1e-4, 0.5 + 1e-4);
            for (var y = 0; y < Side; y++) Assert.Equal(7 + slope * (y - 7), centres[y], 1e-3);
        }
        Assert.True(slopes.Count > 4);
    }
}
