using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using DistTrain.Learning;
using Xunit.Abstractions;
using static DistTrain.Tests.Learning.Data.DataFiles;

namespace DistTrain.Tests.Learning.Data;

public sealed class DigitsTests(ITestOutputHelper output)
{
    private const int ImageBytes = 28 * 28;

    [Fact]
    public void The_same_seed_draws_the_same_bytes_on_every_machine()
    {
        var (train, test) = new Digits(new(Train: 1_000, Test: 100)).Open("", 42);
        Assert.Equal("de8bb9ed764e3e02b18691952aca5ed232eb0101b17a73969673b0ec9d463ab5", train.Identity.Sha256);
        Assert.Equal("e35533c7640cddc4fb061662d1950a2f480bdf591efabf82af16bad444ff717b", test.Identity.Sha256);
        Assert.Equal("digits train: 1000 drawn, generator 1, seed 42", train.Identity.Description);
    }

    [Fact]
    public void A_sample_depends_on_seed_set_and_index_alone()
    {
        var large = (ByteImages)new Digits(new(Train: 300, Test: 1)).Open("", 5).Train;
        var small = (ByteImages)new Digits(new(Train: 77, Test: 1, Seed: 5)).Open("", 99).Train;
        Assert.Equal(large.Pixels[..(77 * ImageBytes)], small.Pixels);
        Assert.Equal(large.Labels[..77], small.Labels);
        var pixels = new byte[ImageBytes];
        foreach (var index in (int[])[0, 76, 299, 5])
        {
            Assert.Equal(large.Labels[index], Digits.DrawSample(5, 0, index, pixels));
            Assert.Equal(large.Pixels.Slice(index * ImageBytes, ImageBytes), pixels);
        }
    }

    [Fact]
    public void No_two_samples_are_alike_and_seeds_and_sets_differ()
    {
        var a = new Digits(new(Train: 2_000, Test: 2_000)).Open("", 1);
        var b = new Digits(new(Train: 2_000, Test: 1)).Open("", 2);
        var images = new[] { a.Train, a.Test, b.Train }.SelectMany(set => Enumerable.Range(0, set.Count).Select(i => Convert.ToHexString(SHA256.HashData(((ByteImages)set).Pixels.Slice(i * ImageBytes, ImageBytes)))));
        Assert.Equal(6_000, images.Distinct().Count());
    }

    [Fact]
    public void Every_ten_samples_hold_every_digit_in_changing_order()
    {
        var labels = ((ByteImages)new Digits(new(Train: 1_000, Test: 1)).Open("", 3).Train).Labels.ToArray().Chunk(10).ToList();
        Assert.All(labels, ten => Assert.Equal(Enumerable.Range(0, 10), ten.Order()));
        Assert.InRange(labels.Select(ten => string.Concat(ten)).Distinct().Count(), 99, 100);
    }

    [Fact]
    public void Digits_are_inked_and_keep_off_the_border()
    {
        var train = (ByteImages)new Digits(new(Train: 2_000, Test: 1)).Open("", 4).Train;
        long border = 0, all = 0;
        for (var i = 0; i < train.Count; i++)
        {
            var image = train.Pixels.Slice(i * ImageBytes, ImageBytes);
            Assert.InRange(image.ToArray().Max(), (byte)120, (byte)255);
            for (var at = 0; at < ImageBytes; at++)
            {
                all += image[at];
                if (at % 28 is 0 or 27 || at / 28 is 0 or 27) border += image[at];
            }
        }
        Assert.InRange((double)border / all, 0, 0.03);
        Assert.InRange(ChannelStatistics.Of(train).Mean[0], 0.08, 0.16);
    }

    // Softmax regression by plain gradient descent: what a model without hidden units can learn of the default set.
    [Fact]
    public void A_linear_model_stays_below_95_percent()
    {
        var split = Standardized.Apply(new Digits(new()).Open("", 42));
        var (weights, bias) = (new float[10 * ImageBytes], new float[10]);
        var (input, target, scores) = (new float[ImageBytes], new int[1], new double[10]);
        for (var epoch = 0; epoch < 3; epoch++)
            for (var i = 0; i < split.Train.Count; i++)
            {
                split.Train.Read(i, input, target);
                Score(weights, bias, input, scores);
                var (largest, sum) = (scores.Max(), 0.0);
                for (var c = 0; c < 10; c++) sum += scores[c] = Math.Exp(scores[c] - largest);
                for (var c = 0; c < 10; c++)
                {
                    var step = (float)(0.002 / (1 + epoch) * ((c == target[0] ? 1 : 0) - scores[c] / sum));
                    bias[c] += step;
                    var row = MemoryMarshal.Cast<float, Vector<float>>(weights.AsSpan(c * ImageBytes, ImageBytes));
                    var x = MemoryMarshal.Cast<float, Vector<float>>(input);
                    for (var k = 0; k < row.Length; k++) row[k] += step * x[k];
                }
            }
        var correct = 0;
        for (var i = 0; i < split.Test.Count; i++)
        {
            split.Test.Read(i, input, target);
            Score(weights, bias, input, scores);
            if (Array.IndexOf(scores, scores.Max()) == target[0]) correct++;
        }
        output.WriteLine($"linear model: {correct} of {split.Test.Count} right");
        Assert.InRange((double)correct / split.Test.Count, 0.85, 0.95);
    }

    private static void Score(float[] weights, float[] bias, float[] input, double[] scores)
    {
        for (var c = 0; c < 10; c++)
        {
            var sums = Vector<float>.Zero;
            var row = MemoryMarshal.Cast<float, Vector<float>>(weights.AsSpan(c * ImageBytes, ImageBytes));
            var x = MemoryMarshal.Cast<float, Vector<float>>(input);
            for (var k = 0; k < row.Length; k++) sums += row[k] * x[k];
            scores[c] = Vector.Sum(sums) + bias[c];
        }
    }

    [Fact]
    public void A_path_is_refused() =>
        Assert.Equal("data.path is \"data/mnist\". The format \"digits\" is built in and reads no files: leave the path empty, or choose the format of the files (idx, cifar10, csv).", Refusal(new Digits(new()), "data/mnist"));
}
