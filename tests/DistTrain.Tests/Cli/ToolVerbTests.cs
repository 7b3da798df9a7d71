using System.Text.Json.Nodes;
using DistTrain.Learning;

namespace DistTrain.Tests.Cli;

/// <summary>What one does with a network: text from it, pictures of it, its summary.</summary>
public sealed class ToolVerbTests : CommandFixture
{
    [Theory]
    [InlineData("{ lstm: { hidden: 16, width: 8 } }")]
    [InlineData("{ gpt: { layers: 1, heads: 2, width: 16 } }")]
    public async Task A_trained_language_model_writes_text_in_its_own_characters(string model)
    {
        var text = Write("text.txt", string.Concat(Enumerable.Repeat("abcdefgh ", 250)));
        var job = Write("text.yaml", $$"""
            apiVersion: disttrain/v1
            kind: TrainingJob
            metadata: { name: letters }
            spec:
              data: { format: { text: { length: 12 } }, path: {{text}} }
              model: {{model}}
              loss: crossEntropy
              optimizer: { adam: { lr: 0.02 } }
              training: { epochs: 8, batchSize: 16, microBatches: 2, seed: 1 }
            """);
        var trained = await Run("train", job, "--runs", Runs, "-o", "json");
        Assert.Equal((0, ""), (trained.Code, trained.Code == 0 ? "" : trained.Error));
        var run = Path.Combine(Runs, "letters");
        var likeliest = await Run("predict", run, "abc", "--length", "18", "--temperature", "0");
        Assert.Equal(0, likeliest.Code);
        // The text is a circle of nine characters: a net that has learned it goes on with it.
        Assert.Contains("abcdefgh abcdefgh abc", likeliest.Out.ReplaceLineEndings(""), StringComparison.Ordinal);
        string[] line = ["predict", run, "abc", "--length", "40", "--temperature", "2"];
        var drawn = await Run([.. line, "--seed", "5"]);
        Assert.Equal(drawn.Out, (await Run([.. line, "--seed", "5"])).Out);
        Assert.NotEqual(drawn.Out, (await Run([.. line, "--seed", "6"])).Out);
        Assert.NotEqual(0, (await Run("predict", run, "xyz")).Code);
    }

    [Fact]
    public async Task Pictures_show_each_filter_and_each_map_as_PNG_files()
    {
        var trained = await Run(["train", .. Small[..^2], "--set", "model=[{conv2d: {out: 6, kernel: 5}}, relu, {maxPool2d: 2}, flatten, {linear: 10}]", "--runs", Runs, "-o", "json"]);
        Assert.Equal((0, ""), (trained.Code, trained.Code == 0 ? "" : trained.Error));
        var folder = Path.Combine(Folder, "pictures");
        var ended = await Run("pictures", (string)trained.Json["run"]!, "--of", "test:3", "--out", folder, "-o", "json");
        Assert.Equal((0, ""), (ended.Code, ended.Code == 0 ? "" : ended.Error));
        var files = Directory.GetFiles(folder, "*.png", SearchOption.AllDirectories).Order(StringComparer.Ordinal).ToList();
        Assert.Contains(files, f => Path.GetFileName(f).Contains("filter", StringComparison.OrdinalIgnoreCase));
        Assert.True(files.Count >= 3, string.Join(", ", files));
        foreach (var file in files)
        {
            var bytes = File.ReadAllBytes(file);
            Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10], bytes[..8]);
            var (width, height) = (System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(16)), System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(20)));
            Assert.True(width > 0 && height > 0, $"{file} is {width} x {height}");
        }
    }

    [Fact]
    public async Task Summary_of_a_net_with_steps_and_gates_counts_what_a_hand_counts()
    {
        var job = Write("nets.yaml", """
            apiVersion: disttrain/v1
            kind: TrainingJob
            metadata: { name: nets }
            spec:
              data: { format: { digits: { train: 32, test: 8 } } }
              model: [{ reshape: { shape: [28, 28] } }, { gru: { hidden: 9, bidirectional: true } }, flatten, { linear: 10 }]
              loss: crossEntropy
              training: { epochs: 1, batchSize: 16, seed: 1 }
            """);
        var summary = (await Run("summary", job, "-o", "json")).Json;
        // 2·(27·28 + 27·9 + 27 + 27) and 504·10 + 10.
        Assert.Equal(2 * (27 * 28 + 27 * 9 + 54) + 5050, (int)summary["parameters"]!);
        Assert.Equal("[28, 18]", string.Join("", summary["layers"]!.AsArray().First(l => (string)l!["kind"]! == "gru")!["output"]!.ToString().Where(c => !char.IsWhiteSpace(c))).Replace(",", ", ", StringComparison.Ordinal));
    }
}
