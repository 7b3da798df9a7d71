using DistTrain.Learning;

namespace DistTrain.Tests.Cli;

/// <summary>PNG files into predict and pictures: colour and grey, resized as the job's data is.</summary>
public sealed class PredictImageTests : CommandFixture
{
    // Two classes of colour pictures, each of its own size; a job that resizes them to 8 x 8.
    private async Task<string> TrainOn(string format, int height, int width, string more = "")
    {
        for (var i = 0; i < 8; i++)
        {
            Save(Path.Combine("img", "train", "cat", $"{i}.png"), height, width, 3, i);
            Save(Path.Combine("img", "train", "dog", $"{i}.png"), height, width, 3, 100 + i);
            Save(Path.Combine("img", "test", i % 2 == 0 ? "cat" : "dog", $"{i}.png"), height, width, 3, i * 30);
        }
        var job = Write("im.yaml", $$"""
            apiVersion: disttrain/v1
            kind: TrainingJob
            metadata: { name: im }
            spec:
              data: { format: { images: { {{format}} } }, path: {{Path.Combine(Folder, "img")}}{{more}} }
              model: [{ conv2d: { out: 2, kernel: 3 } }, relu, flatten, { linear: 2 }]
              loss: crossEntropy
              training: { epochs: 1, batchSize: 8, microBatches: 1, seed: 1 }
            """);
        var trained = await Run("train", job, "--runs", Runs, "-o", "json");
        Assert.Equal((0, ""), (trained.Code, trained.Code == 0 ? "" : trained.Error));
        return Path.Combine(Runs, "im");
    }

    [Theory]
    [InlineData("size: 8", 11, 9, "")]
    [InlineData("size: 8, channels: 1", 11, 9, "")]
    [InlineData("channels: 3", 8, 8, "")]
    [InlineData("channels: 3", 11, 9, ", augment: [{ resize: { size: 8 } }], standardize: false")]
    [InlineData("channels: 3", 8, 8, ", transform: [minMax]")]
    public async Task A_picture_s_answer_is_that_of_the_same_test_sample_to_the_bit(string format, int height, int width, string more)
    {
        var run = await TrainOn(format, height, width, more);
        // The test set is cat/0, cat/2, cat/4, cat/6, dog/1, ...
        foreach (var (index, file) in new[] { (2, "cat/4.png"), (4, "dog/1.png") })
        {
            var known = await Run("predict", run, $"test:{index}", "--raw", "-o", "json");
            var same = await Run("predict", run, Path.Combine(Folder, "img", "test", file), "--raw", "-o", "json");
            Assert.Equal((0, ""), (same.Code, same.Error));
            Assert.Equal(known.Json["output"]!.ToJsonString(), same.Json["output"]!.ToJsonString());
        }
    }

    [Fact]
    public async Task Pictures_of_a_PNG_file_are_those_of_the_same_test_sample()
    {
        var run = await TrainOn("size: 8", 11, 9);
        foreach (var (of, into) in new[] { ("test:2", "a"), (Path.Combine(Folder, "img", "test", "cat", "4.png"), "b") })
            Assert.Equal(0, (await Run("pictures", run, "--of", of, "--out", Path.Combine(Folder, into))).Code);
        var files = Directory.GetFiles(Path.Combine(Folder, "a"), "maps-*.png");
        Assert.NotEmpty(files);
        foreach (var file in files) Assert.Equal(File.ReadAllBytes(file), File.ReadAllBytes(Path.Combine(Folder, "b", Path.GetFileName(file))));
    }

    [Fact]
    public async Task A_picture_of_another_size_is_resized_where_the_job_resizes_and_refused_where_it_does_not()
    {
        var run = await TrainOn("channels: 3", 8, 8);
        var other = Save("other.png", 10, 20, 1, 7);
        var refused = await Run("predict", run, other);
        Assert.Equal((2, $"{other} is 10 x 20 pixels. The job's images are 8 x 8, and it does not say how others come to that size: resize the picture, or train with an option size of its format or the augmentation resize.\n"), (refused.Code, refused.Error));
        Directory.Delete(Runs, recursive: true);
        run = await TrainOn("size: 8", 8, 8);
        var grey = await Run("predict", run, other, "-o", "json");
        Assert.Equal((0, ""), (grey.Code, grey.Error));
        Assert.Equal(2, grey.Json["probabilities"]!.AsArray().Count);
    }

    [Fact]
    public async Task A_damaged_picture_and_a_job_without_images_are_named()
    {
        await Train("--set", "model=softmaxRegression");
        var run = Path.Combine(Runs, "digits");
        var path = Save("torn.png", 28, 28, 1, 3);
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..60]);
        var torn = await Run("predict", run, path);
        Assert.Equal(2, torn.Code);
        Assert.StartsWith(path, torn.Error, StringComparison.Ordinal);
        Assert.DoesNotContain(torn.Error, c => char.IsControl(c) && c != '\n');
        var table = Write("t.csv", string.Concat(Enumerable.Range(0, 40).Select(i => $"{i},{i * 2},{i % 2}\n").Prepend("a,b,target\n")));
        var job = Write("t.yaml", $$"""
            apiVersion: disttrain/v1
            kind: TrainingJob
            metadata: { name: table }
            spec:
              data: { format: { csv: { target: target } }, path: {{table}} }
              model: [{ linear: 2 }]
              loss: crossEntropy
              training: { epochs: 1, batchSize: 8, seed: 1 }
            """);
        var trained = await Run("train", job, "--runs", Runs, "-o", "json");
        Assert.Equal((0, ""), (trained.Code, trained.Code == 0 ? "" : trained.Error));
        var picture = Save("picture.png", 8, 8, 3, 1);
        var refused = await Run("predict", Path.Combine(Runs, "table"), picture);
        Assert.Equal((2, $"{picture} is a picture of 8 x 8 pixels, and the job's samples are [2], no images of 1 or 3 channels. Give a file of 2 numbers.\n"), (refused.Code, refused.Error));
    }

    private string Save(string name, int height, int width, int channels, int seed)
    {
        var path = Path.Combine(Folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using var stream = File.Create(path);
        PngWriter.Write(stream, new Picture(width, height, channels, [.. Enumerable.Range(0, height * width * channels).Select(i => (byte)(i * 7 + seed * 13 + i * i % 11))]));
        return path;
    }
}
