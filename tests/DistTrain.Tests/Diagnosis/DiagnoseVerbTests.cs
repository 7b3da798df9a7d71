using System.Text.Json.Nodes;
using DistTrain.Cli;
using DistTrain.Tests.House;

namespace DistTrain.Tests.Diagnosis;

public sealed class DiagnoseVerbTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("disttrain-").FullName;

    [Fact]
    public async Task Json_has_verdict_confidence_evidence_advice_and_window()
    {
        var (code, output, _) = await Run("diagnose", "--curves", Curves("overfit_mlp_few_samples"), "-o", "json");
        Assert.Equal(ExitCode.Ok, code);
        var json = JsonNode.Parse(output)!.AsObject();
        Assert.Equal(["verdict", "confidence", "evidence", "advice", "window"], json.Select(p => p.Key).Take(5));
        Assert.Equal("overfitting", json["verdict"]!.GetValue<string>());
        Assert.InRange(json["confidence"]!.GetValue<double>(), 0.5, 1);
        Assert.Contains(json["evidence"]!.AsArray(), e => e!["name"]!.GetValue<string>() == "testChange" && e["value"]!.GetValue<double>() > 0);
        Assert.NotEmpty(json["advice"]!.AsArray());
        Assert.Equal(1500, json["window"]!["toStep"]!.GetValue<long>());
    }

    [Fact]
    public async Task Text_says_the_verdict_its_evidence_its_advice_and_what_was_not_checked()
    {
        var (code, output, _) = await Run("diagnose", "--curves", Curves("rate_100x_lenet"));
        Assert.Equal(ExitCode.Ok, code);
        Assert.StartsWith("learningRateTooHigh, a bottleneck", output, StringComparison.Ordinal);
        foreach (var part in (string[])["Evidence:", "Advice:", "Lower the learning rate", "Not checked: deadUnits"]) Assert.Contains(part, output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("overfit_mlp_few_samples", "warn", ExitCode.Findings)]
    [InlineData("overfit_mlp_few_samples", "error", ExitCode.Ok)]
    [InlineData("ascent_mlp", "error", ExitCode.Findings)]
    [InlineData("healthy_lenet_early", "warn", ExitCode.Ok)]
    [InlineData("converged_linear", "warn", ExitCode.Ok)]
    public async Task Fail_on_exits_6_on_findings_alone(string run, string level, int expected) =>
        Assert.Equal(expected, (await Run("diagnose", "--curves", Curves(run), "--fail-on", level)).Code);

    [Fact]
    public async Task A_bad_file_exits_2_and_names_file_line_and_column()
    {
        var path = Path.Combine(_folder, "bad.csv");
        File.WriteAllText(path, "step,train_loss,test_loss\n0,1,2\n1,oops,2\n");
        var (code, _, error) = await Run("diagnose", "--curves", path);
        Assert.Equal(ExitCode.Usage, code);
        Assert.Contains($"{path}:3:3: train_loss is \"oops\"", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_missing_file_exits_3_and_a_folder_2()
    {
        Assert.Equal(ExitCode.NotFound, (await Run("diagnose", "--curves", Path.Combine(_folder, "none.csv"))).Code);
        Assert.Equal(ExitCode.Usage, (await Run("diagnose", "--curves", _folder)).Code);
        Assert.Equal(ExitCode.Usage, (await Run("diagnose")).Code);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static string Curves(string run) => Path.Combine(Repository.Root, "tests/DistTrain.Tests/Diagnosis/Curves", run + ".csv");

    private static async Task<(int Code, string Out, string Error)> Run(params string[] args)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        return (await DistTrainCommand.RunAsync(args, output, error), output.ToString(), error.ToString());
    }
}
