using DistTrain.Training;
using DistTrain.Training.Specs;

namespace DistTrain.Tests.Training.Jobs;

/// <summary>What a spec over the wire may name: data in the server's folder, and nothing that a link or a dot leads out to.</summary>
public sealed class DataRootTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("disttrain-root-").FullName;
    private readonly string _root;

    public DataRootTests()
    {
        _root = Path.Combine(_folder, "data");
        Directory.CreateDirectory(Path.Combine(_root, "sets"));
        Directory.CreateDirectory(Path.Combine(_folder, "data-of-others"));
        File.WriteAllText(Path.Combine(_folder, "secret.csv"), "a,b\n1,2\n");
        File.WriteAllText(Path.Combine(_root, "sets", "rows.csv"), "a,b\n1,2\n");
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("sets/rows.csv")]
    [InlineData("sets/../sets/./rows.csv")]
    [InlineData("not-yet-there")]
    [InlineData("..names/with...dots")]
    public void A_path_in_the_folder_is_taken(string path) => Assert.Equal(Path.GetFullPath(Path.Combine(_root, path)), Resolve(path));

    [Fact]
    public void Built_in_data_has_no_path() => Assert.Equal("", DataRoot.Resolve(JobFile.BuiltIn(), _root));

    [Theory]
    [InlineData("../secret.csv")]
    [InlineData("..")]
    [InlineData("sets/../../secret.csv")]
    [InlineData("../data-of-others")]
    [InlineData("../data/sets")]
    [InlineData("/etc/passwd")]
    public void Dots_and_roots_are_refused_by_the_text_alone(string path)
    {
        var file = Spec(path);
        Assert.Contains($"is {path}. It must be relative and stay in the server's data folder (its --data)", Refused(() => DataRoot.CheckSubmitted(file)), StringComparison.Ordinal);
        Refused(() => DataRoot.Resolve(file, _root));
    }

    [Fact]
    public void Links_are_followed_and_must_stay_inside()
    {
        File.CreateSymbolicLink(Path.Combine(_root, "out.csv"), Path.Combine(_folder, "secret.csv"));
        File.CreateSymbolicLink(Path.Combine(_root, "upward.csv"), "../secret.csv");
        Directory.CreateSymbolicLink(Path.Combine(_root, "away"), _folder);
        File.CreateSymbolicLink(Path.Combine(_root, "second.csv"), "out.csv");
        File.CreateSymbolicLink(Path.Combine(_root, "circle"), "circle");
        Directory.CreateSymbolicLink(Path.Combine(_root, "within"), "sets");
        foreach (var path in new[] { "out.csv", "upward.csv", "away/secret.csv", "away", "second.csv", "circle" }) Assert.Contains("links followed", Refused(() => Resolve(path)), StringComparison.Ordinal);
        Assert.Equal(Path.Combine(_root, "within", "rows.csv"), Resolve("within/rows.csv"));
        Assert.Equal(Path.Combine(_root, "away", "data", "sets"), Resolve("away/data/sets"));
    }

    [Fact]
    public void The_folder_itself_may_be_a_link()
    {
        var link = Path.Combine(_folder, "link");
        Directory.CreateSymbolicLink(link, _root);
        Assert.Equal(Path.Combine(link, "sets", "rows.csv"), DataRoot.Resolve(Spec("sets/rows.csv"), link));
    }

    [Theory]
    [InlineData("/etc/passwd", false)]
    [InlineData("../../secret.csv", false)]
    [InlineData("turn/../secret.csv", false)]
    [InlineData("../sets/rows.csv", true)]
    public void A_file_that_an_option_of_the_format_names_stays_inside_too(string test, bool taken)
    {
        // The system follows the link before the dots: turn/.. is the folder above the data.
        Directory.CreateSymbolicLink(Path.Combine(_root, "sets", "turn"), _root);
        var file = JobFile.BuiltIn(SpecOverride.Parse($"data.format={{csv: {{test: {test}}}}}"), SpecOverride.Parse("data.path=sets/rows.csv"));
        if (taken) Assert.EndsWith("rows.csv", DataRoot.Resolve(file, _root), StringComparison.Ordinal);
        else Assert.Contains($"spec.data.format.csv.test is {test}. It must be relative", Refused(() => DataRoot.Resolve(file, _root)), StringComparison.Ordinal);
    }

    [Fact]
    public void The_path_that_was_found_is_set_letter_for_letter()
    {
        const string odd = "/data/it's #1: \"a\" + ä, [x]\\n";
        Assert.Equal(odd, JobFile.BuiltIn(DataRoot.At(odd)).Spec.Data.Path);
    }

    [Theory]
    [InlineData("/elsewhere")]
    [InlineData("../elsewhere")]
    public void Checkpoints_go_nowhere_else(string path) =>
        Assert.Contains($"spec.checkpoint.path is {path}.", Refused(() => DataRoot.CheckSubmitted(JobFile.BuiltIn(SpecOverride.Parse($"checkpoint.path={path}")))), StringComparison.Ordinal);

    [Theory]
    [InlineData("weights.safetensors", true)]
    [InlineData("../weights.safetensors", false)]
    [InlineData("/etc/passwd", false)]
    [InlineData("out.safetensors", false)]
    public void First_weights_lie_in_the_folder_too(string from, bool taken)
    {
        File.CreateSymbolicLink(Path.Combine(_root, "out.safetensors"), Path.Combine(_folder, "secret.csv"));
        var file = JobFile.BuiltIn(SpecOverride.Parse($"init.from={from}"));
        if (!taken) Assert.Contains($"spec.init.from is {from}. It must be relative and stay in the server's data folder", Refused(() => DataRoot.Place(file, _root)), StringComparison.Ordinal);
        else Assert.Equal(Path.Combine(_root, from), JobFile.BuiltIn([.. DataRoot.Place(file, _root)]).Spec.Init.From);
    }

    private string Resolve(string path) => DataRoot.Resolve(Spec(path), _root);

    private static JobFile Spec(string path) => JobFile.BuiltIn(SpecOverride.Parse("data.format=csv"), DataRoot.At(path));

    private static string Refused(Action action) => Assert.Throws<SpecException>(action).Message;
}
