using DistTrain.Tests.Learning.Data.Download;

namespace DistTrain.Tests.Cli;

/// <summary>Verbs about the machine and its data: check, bench, data.</summary>
public sealed class MachineVerbTests : CommandFixture
{
    [Fact]
    public async Task Check_finds_the_cluster_and_the_oracle_equal()
    {
        var ended = await Run("check", "-o", "json");
        Assert.Equal(0, ended.Code);
        Assert.Equal("ok", (string)ended.Json["status"]!);
        Assert.Equal((string)ended.Json["oracleSha256"]!, (string)ended.Json["clusterSha256"]!);
    }

    [Theory]
    [InlineData("cpu:scalar")]
    [InlineData("cpu:vector256")]
    [InlineData("cpu:vector512")]
    public async Task Check_holds_vectors_against_a_device_case_by_case(string device)
    {
        var right = """{"name": "relu_right", "attrs": {}, "inputs": {"x": {"shape": [2, 2], "data": [-1, 2, 0.5, -3]}}, "cotangent": {"shape": [2, 2], "data": [1, 1, 2, 1]}, "output": {"shape": [2, 2], "data": [0, 2, 0.5, 0]}, "grads": {"x": {"shape": [2, 2], "data": [0, 1, 2, 0]}}}""";
        Directory.CreateDirectory(Path.Combine(Folder, "vectors"));
        Write("vectors/activation.json", $$"""{"source": "by hand", "seed": 0, "cases": [{{right}}, {{right.Replace("relu_right", "relu_wrong", StringComparison.Ordinal).Replace("0, 2, 0.5, 0]", "0, 2, 0.6, 0]", StringComparison.Ordinal)}}]}""");
        var ended = await Run("check", "--vectors", Path.Combine(Folder, "vectors"), "--device", device, "--threads", "1", "-o", "json");
        Assert.Equal(6, ended.Code);
        var lines = ended.Lines.Select(l => System.Text.Json.Nodes.JsonNode.Parse(l)!).ToArray();
        Assert.Equal([("relu_right", true), ("relu_wrong", false)], lines[..2].Select(l => ((string)l["case"]!, (bool)l["pass"]!)));
        Assert.Equal(0.1 / 2, (double)lines[1]["error"]!, 6);
        Assert.Equal((2, 1, 1, 0), ((int)ended.Json["total"]!, (int)ended.Json["passed"]!, (int)ended.Json["failed"]!, (int)ended.Json["unsupported"]!));
    }

    [Theory]
    [InlineData(3, "--vectors is /nowhere. Nothing is there.\n", "--vectors", "/nowhere")]
    [InlineData(2, "--device is tpu. It must be auto, cpu, cpu:scalar, cpu:vector256, cpu:vector512, gpu:N, opencl:N or ilgpu-cpu.\n", "--device", "tpu")]
    [InlineData(2, "--threads is -1. It must be between 0 and 1024.\n", "--threads", "-1")]
    public async Task Wrong_options_of_check_are_named(int code, string error, params string[] args)
    {
        var ended = await Run(["check", .. args]);
        Assert.Equal((code, error), (ended.Code, ended.Error));
    }

    [Fact]
    public async Task Bench_prints_the_peer_s_fields_and_the_same_hash_for_any_threads()
    {
        string[] line = ["bench", "--model", "softmaxRegression", "--batch", "16", "--seconds", "0.1", "-o", "json"];
        var one = (await Run([.. line, "--threads", "1"])).Json;
        Assert.Equal(["peer", "model", "batch", "threads", "format", "steps", "samples_per_s", "params", "loss_first", "loss_last", "microBatches", "determinism", "weightsSha256", "peak_mib", "planned_mib"], one.Select(p => p.Key));
        Assert.Equal(("softmaxRegression", 16, 7850, 1, "exact"), ((string)one["model"]!, (int)one["batch"]!, (int)one["params"]!, (int)one["microBatches"]!, (string)one["determinism"]!));
        Assert.True((double)one["samples_per_s"]! > 0 && (double)one["loss_last"]! < (double)one["loss_first"]!);
        var two = (await Run([.. line, "--threads", "2"])).Json;
        Assert.Equal((string)one["weightsSha256"]!, (string)two["weightsSha256"]!);
        var four = (await Run([.. line, "--micro-batches", "4"])).Json;
        Assert.Equal(4, (int)four["microBatches"]!);
        Assert.NotEqual((string)one["weightsSha256"]!, (string)four["weightsSha256"]!);
    }

    [Fact]
    public async Task Bench_measures_the_matrix_product()
    {
        var ended = await Run("bench", "--gemm", "64", "--seconds", "0.1", "-o", "json");
        Assert.Equal(0, ended.Code);
        Assert.True((double)ended.Json["gflops"]! > 0);
    }

    [Theory]
    [InlineData("--batch", "0", "--batch is 0. It must be between 1 and 65536.\n")]
    [InlineData("--micro-batches", "65", "--micro-batches is 65. It must be between 0 and 64.\n")]
    [InlineData("--seconds", "NaN", "--seconds is NaN. It must be between 0.1 and 3600.\n")]
    public async Task Wrong_options_of_bench_are_named(string flag, string value, string error)
    {
        var ended = await Run("bench", flag, value);
        Assert.Equal((2, error), (ended.Code, ended.Error));
    }

    [Theory]
    [InlineData("--gemm is 0. It must be between 1 and 16384.\n", "--gemm", "0")]
    [InlineData("--gemm and --kernels are set. They are different measurements: give one of them.\n", "--kernels", "--gemm", "64")]
    [InlineData("--kernels and --accuracy are set. They are different measurements: give one of them.\n", "--kernels", "--accuracy")]
    [InlineData("--model and --batch are set, and --gemm does not take them: it takes --threads, --seconds. Leave them out.\n", "--gemm", "64", "--model", "mlp", "--batch", "8")]
    [InlineData("--seconds is set, and --kernels does not take it: it takes --model, --batch, --threads, --micro-batches. Leave it out.\n", "--kernels", "--seconds", "1")]
    [InlineData("--micro-batches is set, and --accuracy does not take it: it takes --threads. Leave it out.\n", "--accuracy", "--micro-batches", "2")]
    public async Task Options_of_bench_that_contradict_or_would_be_left_out_are_refused(string error, params string[] args)
    {
        var ended = await Run(["bench", .. args]);
        Assert.Equal((2, error), (ended.Code, ended.Error));
    }

    [Theory]
    [InlineData("relu", "--model is relu, a layer. It must be one of alexnet, autoencoder, densenet121, ")]
    [InlineData("lenett", "Did you mean lenet?")]
    [InlineData("autoencoder", "--model is autoencoder, which is not measured: a step is of cross-entropy on 10 classes, and it gives [3072] for each sample. Name a model that tells classes apart.")]
    public async Task Bench_measures_models_alone(string model, string error)
    {
        var ended = await Run("bench", "--model", model, "--seconds", "0.1");
        Assert.Equal(2, ended.Code);
        Assert.Contains(error, ended.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("adaptiveAveragePool2d", ended.Error, StringComparison.Ordinal);
        Assert.Single(ended.Error.TrimEnd('\n').Split('\n'));
    }

    [Fact]
    public async Task Data_inspect_counts_classes()
    {
        var ended = await Run("data", "inspect", "digits", "-o", "json");
        Assert.Equal(0, ended.Code);
        Assert.All(ended.Json["test"]!["perClass"]!.AsArray(), c => Assert.Equal(200, (int)c!));
        var none = await Run("data", "inspect", "idx", Folder);
        Assert.Equal(2, none.Code);
        Assert.Contains(Folder, none.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Data_get_that_reaches_nothing_ends_with_4_and_leaves_no_file()
    {
        using var server = new LoopbackServer();
        var ended = await Run("data", "get", "mnist", "--mirror", server.Address.ToString(), "--folder", Path.Combine(Folder, "mnist"));
        Assert.Equal(4, ended.Code);
        Assert.Contains("could not be fetched", ended.Error, StringComparison.Ordinal);
        Assert.Equal(["mnist"], Files());
        var wrong = await Run("data", "get", "mnsit");
        Assert.Equal((2, "the data set is mnsit. It must be one of mnist. Did you mean mnist?\n"), (wrong.Code, wrong.Error));
    }
}
