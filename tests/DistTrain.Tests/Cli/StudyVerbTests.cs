using System.Globalization;
using DistTrain.Tests.House;

namespace DistTrain.Tests.Cli;

/// <summary>The studies end to end, on the samples.</summary>
public sealed class StudyVerbTests : CommandFixture
{
    private static string Sample(string name) => Path.Combine(Repository.Root, "samples", "jobs", name);

    [Fact]
    public async Task Path_writes_every_step_and_a_picture()
    {
        var ended = await Run("study", "path", "--surface", "saddle", "--optimizer", "sgd: {lr: 0.05}", "momentum: {lr: 0.05}", "--steps", "100", "--out", Folder, "-o", "json");
        Assert.True(ended.Code == 0, ended.Error);
        Assert.Equal(2, ended.Lines.Length);
        var rows = File.ReadAllLines(Path.Combine(Folder, "path.csv"));
        Assert.Equal(1 + 2 * 101, rows.Length);
        Assert.Equal("\"sgd: {lr: 0.05}\",0,-1.5,0.0010000000474974513", string.Join(',', rows[1].Split(',')[..4]));
        // x shrinks by 1 - lr a step, whatever y does.
        Assert.Equal(-1.5 * Math.Pow(0.95, 100), double.Parse(rows[101].Split(',')[2], CultureInfo.InvariantCulture), 1e-6);
        Assert.Equal([0x89, 0x50, 0x4E, 0x47], File.ReadAllBytes(Path.Combine(Folder, "path.png"))[..4]);
        Assert.True(ended.Json["value"]!.GetValue<double>() < -0.2); // momentum has left the saddle
    }

    [Fact]
    public async Task Path_refuses_what_it_does_not_know_with_the_nearest_name()
    {
        var optimizer = await Run("study", "path", "--optimizer", "adan: {lr: 1}");
        Assert.Equal((2, true), (optimizer.Code, optimizer.Error.Contains("--optimizer is adan. It must be one of", StringComparison.Ordinal)));
        var surface = await Run("study", "path", "--surface", "bowl: {condition: -1}");
        Assert.Equal((2, true), (surface.Code, surface.Error.Contains("condition is -1", StringComparison.Ordinal)));
        var from = await Run("study", "path", "--from", "1");
        Assert.Equal((2, true), (from.Code, from.Error.Contains("--from is 1. It must be two numbers", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Kernel_ridge_is_trained_to_its_exact_answer()
    {
        var (problem, figures) = await Exact("kernel-ridge");
        Assert.StartsWith("ridge regression, l2 0.001: 40 samples, 40 features, 1 target", problem);
        Assert.Equal(figures["objective"].Exact, figures["objective"].Run, 1e-6 * figures["objective"].Exact);
        Assert.InRange(figures["weightDistance"].Run, 0, 1e-3);
        // Noise of 0.2 on the training targets: the kernel takes most of it out.
        Assert.InRange(figures["testLoss"].Exact, 0, 0.5 * 0.2 * 0.2);
    }

    [Fact]
    public async Task The_kernel_machine_finds_the_rings_that_no_line_separates()
    {
        var (_, figures) = await Exact("rings-svm");
        Assert.InRange(figures["objective"].Run, figures["objective"].Exact - 1e-6, 1.01 * figures["objective"].Exact);
        Assert.InRange(figures["testAccuracy"].Run, 0.9, 1);
        var flat = await Run("study", "exact", Sample("rings-svm.yaml"), "--set", "data.transform=[]", "--set", $"data.path={Path.Combine(Repository.Root, "samples", "data", "rings.csv")}", "-o", "json");
        Assert.InRange(flat.Json["testAccuracy"]!["exact"]!.GetValue<double>(), 0.2, 0.7);
    }

    [Fact]
    public async Task A_linear_autoencoder_is_trained_to_the_principal_components()
    {
        var (_, figures) = await Exact("digits-pca");
        Assert.Equal(figures["trainLoss"].Exact, figures["trainLoss"].Run, 1e-4 * figures["trainLoss"].Exact);
        Assert.InRange(figures["subspaceCosine"].Run, 0.999, 1);
    }

    [Fact]
    public async Task What_has_no_exact_answer_is_refused_with_every_reason()
    {
        var refused = await Run("study", "exact", Sample("digits-lenet.yaml"));
        Assert.Equal(2, refused.Code);
        Assert.Contains("the model is lenet. It must be one linear layer with a bias", refused.Error, StringComparison.Ordinal);
        Assert.Contains("the loss is crossEntropy. It must be mse or hinge", refused.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Variance_falls_and_bias_grows_towards_simple_models()
    {
        var ended = await Run("study", "variance", Sample("curve-variance.yaml"), "--over", "data", "--members", "12", "--along", "data.transform.0.degree=1;3;9", "--out", Folder, "-o", "json");
        Assert.True(ended.Code == 0, ended.Error);
        var studies = ended.Lines.Select(l => System.Text.Json.Nodes.JsonNode.Parse(l)!).ToArray();
        double[] Of(string name) => [.. studies.Select(s => s[name]!.GetValue<double>())];
        Assert.All(Of("biasSquared")[1..], b => Assert.True(b < Of("biasSquared")[0] / 10));
        Assert.Equal(Of("variance").Order(), Of("variance"));
        Assert.All(Of("noise"), n => Assert.Equal(0.09, n, 1e-9));
        for (var i = 0; i < 3; i++) Assert.Equal(Of("error")[i], Of("biasSquared")[i] + Of("variance")[i] + 0.09, 1e-9);
        Assert.Equal(4, File.ReadAllLines(Path.Combine(Folder, "variance.csv")).Length);
        Assert.True(File.Exists(Path.Combine(Folder, "variance.png")));
        var refused = await Run("study", "variance", Sample("rings-svm.yaml"), "--over", "data", "--set", $"data.path={Path.Combine(Repository.Root, "samples", "data", "rings.csv")}");
        Assert.Equal((2, true), (refused.Code, refused.Error.Contains("It must be one that makes its data by the job's seed", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Stopping_reads_a_runs_evaluations()
    {
        Assert.Equal(0, (await Train("--set", "training.evaluateEvery=2", "--set", "optimizer={sgd: {lr: 2}}")).Code);
        var ended = await Run("study", "stopping", Assert.Single(Directory.GetDirectories(Runs)), "--patience", "1", "50", "--out", Folder, "-o", "json");
        Assert.True(ended.Code == 0, ended.Error);
        Assert.Equal(2, ended.Lines.Length);
        Assert.Null(ended.Json["stoppedAt"]);
        Assert.Equal(0, ended.Json["lost"]!.GetValue<double>());
        Assert.Equal(11, File.ReadAllLines(Path.Combine(Folder, "stopping.csv")).Length);
        Assert.True(File.Exists(Path.Combine(Folder, "stopping.png")));
    }

    [Fact]
    public async Task Summary_tells_what_other_forms_of_a_convolution_would_cost()
    {
        var ended = await Run("summary", "--convolutions", "-o", "json", "--set", "data.format={digits: {train: 100, test: 10}}");
        var second = ended.Json["convolutions"]![1]!;
        // LeNet's second: 6 -> 16 channels, 5 x 5, 14 x 14 -> 10 x 10.
        Assert.Equal(("3", 2400L, 240_000L), (second["path"]!.GetValue<string>(), second["forms"]![0]!["parameters"]!.GetValue<long>(), second["forms"]![0]!["multiplyAdds"]!.GetValue<long>()));
        Assert.Contains("depthwise + pointwise", (await Run("summary", "--convolutions", "--set", "data.format={digits: {train: 100, test: 10}}")).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pictures_of_units_are_written_and_dense_maps_are_as_high_as_bars()
    {
        Assert.Equal(0, (await Train("--set", "model=lenet", "--set", "training.epochs=1")).Code);
        var ended = await Run("pictures", Assert.Single(Directory.GetDirectories(Runs)), "--units", "2", "--samples", "40", "--out", Folder, "-o", "json");
        Assert.True(ended.Code == 0, ended.Error);
        var files = ended.Json["files"]!.AsArray().Select(f => Path.GetFileName(f!.GetValue<string>())).ToArray();
        Assert.Contains("units-1.png", files);
        Assert.Contains("units-4.png", files);
        using var map = File.OpenRead(Path.Combine(Folder, "maps-11.png"));
        var header = new byte[24];
        map.ReadExactly(header);
        Assert.Equal(120, System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(20)));
    }

    private async Task<(string Problem, IReadOnlyDictionary<string, (double Exact, double Run)> Figures)> Exact(string name)
    {
        var data = Path.Combine(Repository.Root, "samples", "data", "rings.csv");
        string[] path = name.StartsWith("rings", StringComparison.Ordinal) ? ["--set", $"data.path={data}"] : [];
        var trained = await Run(["train", Sample($"{name}.yaml"), "--runs", Runs, "-o", "json", .. path]);
        Assert.True(trained.Code == 0, trained.Error);
        var ended = await Run("study", "exact", "--run", Path.Combine(Runs, name), "-o", "json");
        Assert.True(ended.Code == 0, ended.Error);
        var json = ended.Json;
        return (json["problem"]!.GetValue<string>(), json.Where(f => f.Key != "problem").ToDictionary(f => f.Key, f => (f.Value!["exact"]!.GetValue<double>(), f.Value["run"]?.GetValue<double>() ?? double.NaN)));
    }
}
