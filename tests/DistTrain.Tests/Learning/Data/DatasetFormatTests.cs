using System.Text.Json.Nodes;
using DistTrain.Learning;

namespace DistTrain.Tests.Learning.Data;

public sealed class DatasetFormatTests
{
    [Fact]
    public void The_built_in_formats_are_found_by_name() =>
        Assert.Equal(["cifar10", "csv", "curve", "digits", "idx", "imagePairs", "images", "noisy", "text", "triplets"], Catalog.BuiltIn.All<DatasetFormat>().Select(format => format.Name));

    [Fact]
    public void Options_are_bound_from_json()
    {
        var problems = new List<Problem>();
        var digits = Catalog.BuiltIn.Create<DatasetFormat>("digits", new JsonObject { ["train"] = 30, ["test"] = 20, ["seed"] = 9 }, "data.format", problems);
        Assert.Empty(problems);
        var (train, test) = digits!.Open("", 1);
        Assert.Equal((30, 20), (train.Count, test.Count));
        Assert.EndsWith("seed 9", train.Identity.Description);
    }

    [Theory]
    [InlineData("digits", """{"train": 0}""", "data.format.digits.train", "is 0. It must be a whole number, between 1 and 1000000.")]
    [InlineData("digits", """{"seed": -1}""", "data.format.digits.seed", "is -1. It must be a whole number, between 0 and 9007199254740992.")]
    [InlineData("idx", """{"classes": 257}""", "data.format.idx.classes", "is 257. It must be a whole number, between 2 and 256.")]
    [InlineData("csv", """{"testFraction": 1}""", "data.format.csv.testFraction", "is 1. It must be a finite number, above 0 and below 1.")]
    [InlineData("csv", """{"delimiter": "||"}""", "data.format.csv.delimiter", "is \"||\". It must be one character, neither a quote nor a line end: \",\", \";\" or \"\\t\".")]
    [InlineData("csv", """{"targets": "label"}""", "data.format.csv.targets", "is \"label\". It must be one of labels, values. Did you mean labels?")]
    [InlineData("csv", """{"header": true}""", "data.format.csv.header", "is true. It must be one of auto, present, absent.")]
    [InlineData("csv", """{"targetColumns": ["a"], "target": "b", "targets": "values"}""", "data.format.csv.targetColumns", "is set beside target. Only one of them can be: list all target columns in targetColumns.")]
    [InlineData("csv", """{"targetColumns": ["a", "b"]}""", "data.format.csv.targetColumns", "has 2 columns and targets is labels. A class is one column: set targets to values, or name one column.")]
    [InlineData("csv", """{"targetColumns": ["a", "b"], "targets": "values", "targetShape": [2, 2]}""", "data.format.csv.targetShape", "is [2, 2]. Its axes must multiply to the 2 target columns.")]
    [InlineData("csv", """{"targetShape": [1]}""", "data.format.csv.targetShape", "is set and targets is labels. A label has no shape: set targets to values, or remove targetShape.")]
    [InlineData("noisy", """{"of": "digit"}""", "data.format.noisy.of", "is digit. It must be one of cifar10, csv, curve, digits, idx, imagePairs, images, noisy, text, triplets. Did you mean digits?")]
    [InlineData("cifar10", """{"classes": 10}""", "data.format.cifar10.classes", "is set. cifar10 takes no options; remove it.")]
    public void Options_out_of_range_are_refused(string format, string options, string path, string text)
    {
        var problems = new List<Problem>();
        Assert.Null(Catalog.BuiltIn.Create<DatasetFormat>(format, (JsonObject)JsonNode.Parse(options)!, "data.format", problems));
        Assert.Equal(new Problem(path, text), Assert.Single(problems));
    }
}
