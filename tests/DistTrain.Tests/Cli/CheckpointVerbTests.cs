namespace DistTrain.Tests.Cli;

/// <summary>Verbs that read what a run left: checkpoints, predict, replay.</summary>
public sealed class CheckpointVerbTests : CommandFixture
{
    [Fact]
    public async Task Checkpoints_are_listed_and_verified()
    {
        await Train();
        var listed = await Run("checkpoints", "ls", Path.Combine(Runs, "digits"), "-o", "json");
        Assert.Equal(0, listed.Code);
        Assert.Equal([10, 20], listed.Lines.Select(l => (int)System.Text.Json.Nodes.JsonNode.Parse(l)!["step"]!));
        var verified = await Run("checkpoints", "verify", Path.Combine(Runs, "digits"), "-o", "json");
        Assert.Equal(0, verified.Code);
        Assert.Equal((2, 2, 0), ((int)verified.Json["total"]!, (int)verified.Json["verified"]!, (int)verified.Json["damaged"]!));
    }

    [Fact]
    public async Task A_flipped_bit_is_found_and_its_file_is_named()
    {
        var result = (await Train()).Json;
        var shard = Directory.GetFiles(Path.Combine(Runs, "digits", "checkpoints"), "step-0000000020-*shard-1-of-2.safetensors").Single();
        var bytes = File.ReadAllBytes(shard);
        bytes[^9] ^= 1;
        File.WriteAllBytes(shard, bytes);
        var verified = await Run("checkpoints", "verify", Path.Combine(Runs, "digits"));
        Assert.Equal(6, verified.Code);
        Assert.Contains("DAMAGED  " + Path.GetFileName((string)result["checkpoint"]!), verified.Out, StringComparison.Ordinal);
        Assert.Contains(Path.GetFileName(shard), verified.Out, StringComparison.Ordinal);
        Assert.Contains("ok       step-0000000010", verified.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Predict_answers_for_samples_of_the_data_numbers_and_images()
    {
        await Train("--epochs", "12");
        var run = Path.Combine(Runs, "digits");
        var known = await Run("predict", run, "train:3", "-o", "json");
        Assert.Equal(0, known.Code);
        Assert.Equal(10, known.Json["probabilities"]!.AsArray().Count);
        Assert.Equal((int)known.Json["label"]!, (int)known.Json["prediction"]!);
        Assert.Equal(1, known.Json["probabilities"]!.AsArray().Sum(p => (double)p!), 4);

        // The same image as raw numbers and as a picture gives the same answer.
        var pixels = new byte[784];
        DistTrain.Learning.Digits.DrawSample(42, 0, 3, pixels);
        var numbers = Write("image.csv", string.Join(",", pixels.Select(p => (p / 255f).ToString("R", System.Globalization.CultureInfo.InvariantCulture))));
        var picture = Path.Combine(Folder, "image.pgm");
        File.WriteAllBytes(picture, [.. "P5 28 28 255\n"u8, .. pixels]);
        foreach (var file in new[] { numbers, picture })
        {
            var same = await Run("predict", run, file, "-o", "json");
            Assert.Equal(0, same.Code);
            Assert.Equal(known.Json["probabilities"]!.ToJsonString(), same.Json["probabilities"]!.ToJsonString());
        }
    }

    [Fact]
    public async Task Wrong_inputs_of_predict_are_named()
    {
        await Train();
        var run = Path.Combine(Runs, "digits");
        await Refused(3, $"{Folder}/none is not there.", $"{Folder}/none", "test:0");
        await Refused(2, "input is test:60. After the colon must stand a number from 0 to 59.", run, "test:60");
        await Refused(3, $"{Folder}/none.csv is not there.", run, $"{Folder}/none.csv");
        await Refused(2, ", sample 1, has 3 values. The network takes [1, 28, 28]: 784 of them.", run, Write("three.csv", "1,2,3"));
        await Refused(2, ", line 2, value 2 is NaN. It must be a finite number.", run, Write("nan.csv", "\n1,NaN,3"));
        await Refused(2, "is empty.", run, Write("empty.csv", ""));
        await Refused(2, "28 x 28 pixels need 784.", run, Write("short.pgm", "P5 28 28 255\nabc"));
        await Refused(2, "photo.jpg does not begin as a PNG does. It is a JPEG: convert it to PNG.", run, Bytes("photo.jpg", 0xFF, 0xD8, 0xFF, 0xE0));
        await Refused(2, "weights.bin is no PNG or PGM image and no text.", run, Bytes("weights.bin", 1, 0, 27, 91));
        await Refused(2, "line 1, value 1 is \uFFFD[31m. It must be a finite number.", run, Bytes("colour.txt", 27, (byte)'[', (byte)'3', (byte)'1', (byte)'m'));

        string Bytes(string name, params byte[] content)
        {
            var path = Path.Combine(Folder, name);
            File.WriteAllBytes(path, content);
            return path;
        }

        async Task Refused(int code, string message, params string[] args)
        {
            var ended = await Run(["predict", .. args]);
            Assert.Equal(code, ended.Code);
            Assert.Contains(message, ended.Error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Replaying_the_last_step_gives_the_run_s_weights()
    {
        var result = (await Train()).Json;
        var replayed = await Run("replay", Path.Combine(Runs, "digits"), "--step", "19", "-o", "json");
        Assert.Equal(0, replayed.Code);
        Assert.Equal((10L, (string)result["weightsSha256"]!), ((long)replayed.Json["from"]!, (string)replayed.Json["weightsSha256"]!));
        var early = await Run("replay", Path.Combine(Runs, "digits"), "--step", "9", "-o", "json");
        Assert.Equal(0L, (long)early.Json["from"]!);
        var loss = File.ReadLines(Path.Combine(Runs, "digits", "metrics.jsonl")).First(l => l.StartsWith("{\"kind\":\"step\",\"step\":10,", StringComparison.Ordinal));
        Assert.Equal((double)System.Text.Json.Nodes.JsonNode.Parse(loss)!["loss"]!, (double)early.Json["loss"]!, 6);
        var beyond = await Run("replay", Path.Combine(Runs, "digits"), "--step", "20");
        Assert.Equal((2, "--step is 20. It must be between 0 and 19, the last step of this job.\n"), (beyond.Code, beyond.Error));
    }

    [Fact]
    public async Task A_folder_without_checkpoints_is_not_found()
    {
        var ended = await Run("checkpoints", "ls", Folder);
        Assert.Equal((3, $"{Folder} holds no checkpoints. A run writes one after each epoch and when it ends.\n"), (ended.Code, ended.Error));
    }
}
