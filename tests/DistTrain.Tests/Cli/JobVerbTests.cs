using DistTrain.Training.Specs;

namespace DistTrain.Tests.Cli;

/// <summary>Verbs about job files: init, validate, summary.</summary>
public sealed class JobVerbTests : CommandFixture
{
    [Fact]
    public async Task Init_writes_a_file_that_validates_and_never_replaces_one_unasked()
    {
        var path = Path.Combine(Folder, "my-job.yaml");
        Assert.Equal(0, (await Run("init", "my-job", "--folder", Folder)).Code);
        Assert.Equal("my-job", JobFile.Load(path).Spec.Name);
        var valid = await Run("validate", path);
        Assert.Equal((0, $"{path}: ok\n"), (valid.Code, valid.Out));
        File.AppendAllText(path, "# mine\n");
        var again = await Run("init", "my-job", "--folder", Folder);
        Assert.Equal((2, $"{path} is there already. Choose another name, or replace it with --force.\n"), (again.Code, again.Error));
        Assert.EndsWith("# mine\n", File.ReadAllText(path), StringComparison.Ordinal);
        Assert.Equal(0, (await Run("init", "my-job", "--folder", Folder, "--force")).Code);
        Assert.Equal(["my-job.yaml"], Files());
    }

    [Theory]
    [InlineData("My Job")]
    [InlineData("../up")]
    [InlineData("a\"b")]
    public async Task Init_refuses_names_that_are_no_folder_s(string name)
    {
        var ended = await Run("init", name, "--folder", Folder);
        Assert.Equal(2, ended.Code);
        Assert.Contains("It must be lower-case letters, digits and dashes, at most 63, such as mnist-lenet.", ended.Error, StringComparison.Ordinal);
        Assert.Empty(Files());
    }

    [Fact]
    public async Task Validate_lists_every_problem_as_json_with_its_line()
    {
        var path = Write("job.yaml", "apiVersion: disttrain/v1\nkind: TrainingJob\nmetadata: { name: probe }\nspec:\n  model: rellu\n  training: { epochs: 0, epoch: 1 }\n");
        var ended = await Run("validate", path, "-o", "json");
        Assert.Equal(2, ended.Code);
        var problems = ended.Json["problems"]!.AsArray();
        Assert.Equal([(5, 10), (6, 23), (6, 26)], problems.Select(p => ((int)p!["line"]!, (int)p["column"]!)));
        Assert.Equal(["spec.model", "spec.training.epochs", "spec.training.epoch"], problems.Select(p => (string)p!["path"]!));
    }

    [Fact]
    public async Task Shapes_that_do_not_fit_name_the_layer_and_both_shapes()
    {
        var path = Write("job.yaml", """
            apiVersion: disttrain/v1
            kind: TrainingJob
            metadata: { name: probe }
            spec:
              data: { format: { digits: { train: 100, test: 20 } } }
              model: [ { conv2d: { out: 6, kernel: 29 } }, relu, { linear: 10 } ]
            """);
        var ended = await Run("validate", path);
        Assert.Equal(2, ended.Code);
        Assert.StartsWith($"{path}:6:10: spec.model does not fit together: layer 0 (conv2d) is given [1, 28, 28] for each sample.", ended.Error, StringComparison.Ordinal);
        Assert.Equal(0, (await Run("validate", path, "--file-only")).Code);
    }

    [Fact]
    public async Task An_output_that_is_not_the_classes_names_both()
    {
        var ended = await Run(["validate", .. Small, "--set", "model=[flatten, {linear: 7}]"]);
        Assert.Equal(2, ended.Code);
        Assert.Contains("the model gives [7] for each sample and the data has 10 classes", ended.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Warnings_do_not_fail_a_validation()
    {
        var ended = await Run(["validate", .. Small, "--workers", "9", "-o", "json"]);
        Assert.Equal(0, ended.Code);
        Assert.Equal("spec.cluster.workers", (string)ended.Json["warnings"]![0]!["path"]!);
    }

    [Fact]
    public async Task Summary_counts_lenet()
    {
        var ended = await Run("summary", "--set", "data.format={digits: {train: 128, test: 10}}", "-o", "json");
        Assert.Equal(0, ended.Code);
        Assert.Equal((61706, 24, 4), ((int)ended.Json["parameters"]!, (int)ended.Json["blocks"]!, (int)ended.Json["microBatches"]!));
        Assert.Equal(416_520L, ended.Json["layers"]!.AsArray().Sum(l => (long)l!["multiplyAdds"]!));
        Assert.Equal(416_520L, (long)ended.Json["multiplyAdds"]!);
        Assert.Equal(("[14,14]", "[28,28]"), (ended.Json["layers"]![3]!["receptiveField"]!.ToJsonString(), ended.Json["layers"]![11]!["receptiveField"]!.ToJsonString()));
        Assert.Equal("[16,10,10]", ended.Json["layers"]![3]!["output"]!.ToJsonString());
        Assert.Equal(24, ended.Json["shards"]!.AsArray().Sum(s => (int)s!["blocks"]!));
        var drawn = await Run("summary", "--set", "data.format={digits: {train: 128, test: 10}}");
        Assert.Contains("61,706 in 24 blocks", drawn.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("\u001b", drawn.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_schema_is_printed_for_editors()
    {
        var ended = await Run("init", "--schema");
        Assert.Equal((0, JobSchema.Text()), (ended.Code, ended.Out));
    }
}
