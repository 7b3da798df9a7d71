using System.Text.Json.Nodes;
using DistTrain.Learning;
using DistTrain.Tests.House;
using DistTrain.Training.Specs;
using YamlDotNet.RepresentationModel;

namespace DistTrain.Tests.Specs;

public sealed class JobSchemaTests
{
    private static readonly SchemaChecker Schema = new(JobSchema.Make(Catalog.BuiltIn));

    [Fact]
    public void The_schema_in_docs_is_up_to_date()
    {
        var path = Path.Combine(Repository.Root, "docs", "job-spec.schema.json");
        Assert.True(File.Exists(path) && File.ReadAllText(path) == JobSchema.Text(),
            "docs/job-spec.schema.json is not what the records and the catalogue give. Refresh it: dotnet run --project client/Cli -- init --schema > docs/job-spec.schema.json");
    }

    [Fact]
    public void Every_sample_job_reads_and_the_schema_accepts_it()
    {
        var files = Directory.GetFiles(Path.Combine(Repository.Root, "samples", "jobs"), "*.yaml");
        Assert.NotEmpty(files);
        foreach (var file in files)
        {
            JobFile.Load(file);
            Assert.True(Schema.Accepts(FromYaml(File.ReadAllText(file))), $"the schema refuses {file}");
        }
    }

    [Fact]
    public void What_the_writer_writes_is_accepted() => Assert.True(Schema.Accepts(SpecWriter.ToJson(JobFile.BuiltIn().Spec)));

    [Theory]
    [InlineData("optimiser: adam")]
    [InlineData("optimizer: adma")]
    [InlineData("optimizer: { adma: { lr: 1 } }")]
    [InlineData("optimizer: { adam: { lr: -1 } }")]
    [InlineData("optimizer: { adam: { lr: 0 } }")]
    [InlineData("optimizer: { adam: { rate: 1 } }")]
    [InlineData("optimizer: { adam: { lr: fast } }")]
    [InlineData("optimizer: { adam: {}, sgd: {} }")]
    [InlineData("model: []")]
    [InlineData("model: [ lenet, relu ]")]
    [InlineData("model: [ { linear: 0 } ]")]
    [InlineData("model: [ linear ]")]
    [InlineData("model: [ { conv2d: { out: 6 } } ]")]
    [InlineData("training: { epochs: 0 }")]
    [InlineData("training: { epochs: 1.5 }")]
    [InlineData("training: { epochs: '5' }")]
    [InlineData("training: { precision: fp8 }")]
    [InlineData("training: { seed: -1 }")]
    [InlineData("cluster: { workers: 2.. }")]
    [InlineData("cluster: { device: tpu }")]
    [InlineData("checkpoint: { every: 5 }")]
    [InlineData("checkpoint: { keep: { lst: 3 } }")]
    [InlineData("data: { standardize: maybe }")]
    public void The_schema_refuses_what_the_reader_refuses(string line)
    {
        var text = $"apiVersion: disttrain/v1\nkind: TrainingJob\nmetadata: {{ name: probe }}\nspec:\n  {line}\n";
        Assert.Throws<SpecException>(() => JobFile.Parse(System.Text.Encoding.UTF8.GetBytes(text), "job.yaml"));
        Assert.False(Schema.Accepts(FromYaml(text)));
    }

    [Theory]
    [InlineData("optimizer: adam")]
    [InlineData("optimizer: { adam: }")]
    [InlineData("optimizer: { adam: { lr: 1e-3, beta1: 0.5 } }")]
    [InlineData("model: [ flatten, { linear: 10 }, relu, { dropout: 0.5 }, { linear: { out: 10, bias: false } } ]")]
    [InlineData("model: [ { conv2d: { out: 6, kernel: [3, 5] } }, { maxPool2d: 2 } ]")]
    [InlineData("cluster: { workers: 2..8 }")]
    [InlineData("training:")]
    [InlineData("schedule: { cosine: { warmupSteps: 10 } }")]
    public void The_schema_accepts_what_the_reader_accepts(string line)
    {
        var text = $"apiVersion: disttrain/v1\nkind: TrainingJob\nmetadata: {{ name: probe }}\nspec:\n  {line}\n";
        JobFile.Parse(System.Text.Encoding.UTF8.GetBytes(text), "job.yaml");
        Assert.True(Schema.Accepts(FromYaml(text)));
    }

    [Fact]
    public void Every_component_of_the_catalogue_is_in_the_schema()
    {
        var definitions = (JsonObject)JobSchema.Make(Catalog.BuiltIn)["$defs"]!;
        var named = definitions.SelectMany(d => d.Value!["anyOf"]![1]!["properties"]!.AsObject().Select(p => p.Key)).ToHashSet();
        var missing = new[] { typeof(Layer), typeof(Model), typeof(Loss), typeof(Optimizer), typeof(Schedule), typeof(DatasetFormat) }
            .SelectMany(k => Catalog.BuiltIn.All(k)).Select(c => c.Name).Where(n => !named.Contains(n));
        Assert.Empty(missing);
    }

    // A path of its own from YAML to JSON, so that the reader is not tested by itself.
    private static JsonNode? FromYaml(string text)
    {
        var yaml = new YamlStream();
        yaml.Load(new StringReader(text));
        return Node(yaml.Documents[0].RootNode);

        static JsonNode? Node(YamlNode node) => node switch
        {
            YamlMappingNode mapping => new JsonObject(mapping.Children.Select(c => KeyValuePair.Create(((YamlScalarNode)c.Key).Value!, Node(c.Value)))),
            YamlSequenceNode sequence => new JsonArray([.. sequence.Children.Select(Node)]),
            YamlScalarNode { Style: not YamlDotNet.Core.ScalarStyle.Plain } quoted => JsonValue.Create(quoted.Value),
            YamlScalarNode { Value: "" or null or "null" } => null,
            YamlScalarNode { Value: "true" } => JsonValue.Create(true),
            YamlScalarNode { Value: "false" } => JsonValue.Create(false),
            YamlScalarNode scalar when double.TryParse(scalar.Value, System.Globalization.CultureInfo.InvariantCulture, out var number) => JsonValue.Create(number),
            YamlScalarNode scalar => JsonValue.Create(scalar.Value),
            _ => throw new InvalidOperationException($"{node.NodeType} is not expected."),
        };
    }
}
