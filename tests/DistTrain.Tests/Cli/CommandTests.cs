namespace DistTrain.Tests.Cli;

public sealed class CommandTests : CommandFixture
{
    private static readonly string[] All = ["train", "init", "validate", "summary", "predict", "replay", "checkpoints", "checkpoints ls", "checkpoints verify", "data", "data get", "data inspect", "check", "bench", "diagnose", "version"];

    public static TheoryData<string> Verbs => [.. All];

    [Theory]
    [MemberData(nameof(Verbs))]
    public async Task The_help_of_every_verb_has_an_example(string verb)
    {
        var help = await Run([.. verb.Split(' '), "--help"]);
        Assert.Equal(0, help.Code);
        Assert.Matches($"Examples?:\n  disttrain {verb}", help.Out);
    }

    [Fact]
    public async Task Without_a_verb_the_command_shows_all_of_them_and_train_first()
    {
        var help = await Run();
        Assert.Equal(0, help.Code);
        foreach (var verb in All) Assert.Contains($"  {verb.Split(' ')[0]}", help.Out, StringComparison.Ordinal);
        Assert.True(help.Out.IndexOf("  train", StringComparison.Ordinal) < help.Out.IndexOf("  init", StringComparison.Ordinal));
        Assert.DoesNotContain("worker process", help.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tran", "there is no verb tran. It must be one of train, init, validate, * Did you mean train?\nSee: disttrain --help\n")]
    [InlineData("train --wokers 3", "--wokers is no option of train. Did you mean --workers?\nSee: disttrain train --help\n")]
    [InlineData("data gett mnist", "there is no verb gett. It must be one of get, inspect. Did you mean get?\nSee: disttrain data --help\n")]
    [InlineData("replay x", "Option '--step' is required.\nSee: disttrain replay --help\n")]
    [InlineData("bench --batch many", "Cannot parse argument 'many' for option '--batch' as expected type 'System.Int32'.\nSee: disttrain bench --help\n")]
    [InlineData("train -o xml", "Argument 'xml' not recognized. Must be one of:\n\t'text'\n\t'json'\nSee: disttrain train --help\n")]
    public async Task Wrong_usage_ends_with_2_and_says_what_was_meant(string line, string error)
    {
        var ended = await Run(line.Split(' '));
        Assert.Equal((2, ""), (ended.Code, ended.Out));
        Assert.Matches("^" + System.Text.RegularExpressions.Regex.Escape(error).Replace("\\*", ".*", StringComparison.Ordinal) + "$", ended.Error);
    }

    [Fact]
    public async Task Errors_are_json_too_where_json_is_asked_for()
    {
        var ended = await Run("validate", Path.Combine(Folder, "nothing.yaml"), "-o", "json");
        Assert.Equal(3, ended.Code);
        Assert.Equal(("error", 3), ((string)ended.Json["status"]!, (int)ended.Json["exitCode"]!));
        Assert.Contains("nothing.yaml is not there. Write a job file with: ", (string)ended.Json["problems"]![0]!["message"]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_version_is_the_project_s()
    {
        var ended = await Run("version", "-o", "json");
        Assert.Equal(0, ended.Code);
        Assert.Equal("0.1.0", (string)ended.Json["version"]!);
    }
}
