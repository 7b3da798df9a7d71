using DistTrain.Kernels;
using DistTrain.Learning;
using DistTrain.Tests.House;

namespace DistTrain.Tests.Learning.Checks;

/// <summary>Golden values in float64, from PyTorch (each file says so; recurrent.json from the script beside it): the cases that have components here.</summary>
public sealed class VectorCheckTests
{
    public static TheoryData<InstructionSet> Bodies() => [InstructionSet.Scalar, InstructionSet.Vector256, InstructionSet.Vector512];

    [Theory, MemberData(nameof(Bodies))]
    public void Every_golden_case_passes(InstructionSet body)
    {
        using var device = new CpuDevice(1, body);
        var results = VectorCheck.Run(Folder, device).ToList();
        Assert.Equal(Directory.GetFiles(Folder, "*.json").Sum(f => VectorFile.Read(f).Cases.Count), results.Count);
        Assert.Equal(26, results.Count(r => Path.GetFileName(r.File) == "optimizer.json"));
        var wrong = results.Where(r => r.Status != VectorStatus.Pass).Select(r => $"{r.File} {r.Case}: {r.Status}, error {r.Error:g3}, limit {r.Limit:g3} {r.Reason}").ToList();
        Assert.True(wrong.Count == 0, string.Join("\n", wrong));
    }

    [Theory]
    [InlineData("sigmoid", """{ "name": "sigmoid", "inputs": { "x": T }, "cotangent": T, "output": { "shape": [1, 2], "data": [0.5, 0.7310585786] }, "grads": { "x": { "shape": [1, 2], "data": [0, 0.1966119332] } } }""", VectorStatus.Pass, null)]
    [InlineData("wrong value", """{ "name": "sigmoid", "inputs": { "x": T }, "cotangent": T, "output": { "shape": [1, 2], "data": [0.5, 0.7311] }, "grads": {} }""", VectorStatus.Fail, null)]
    [InlineData("wrong beside its own scale", """{ "name": "linear", "inputs": { "x": { "shape": [1, 1], "data": [1] }, "w": { "shape": [1, 1], "data": [1e-3] } }, "cotangent": { "shape": [1, 1], "data": [1] }, "output": { "shape": [1, 1], "data": [1.0001e-3] }, "grads": {} }""", VectorStatus.Fail, null)]
    [InlineData("right beside its own scale", """{ "name": "linear", "inputs": { "x": { "shape": [1, 1], "data": [1] }, "w": { "shape": [1, 1], "data": [1e-3] } }, "cotangent": { "shape": [1, 1], "data": [1] }, "output": { "shape": [1, 1], "data": [1.000001e-3] }, "grads": {} }""", VectorStatus.Pass, null)]
    [InlineData("0 up to float32's rounding of what cancels", """{ "name": "linear", "inputs": { "x": { "shape": [1, 2], "data": [1, 1] }, "w": { "shape": [1, 2], "data": [0.3000003, -0.3] } }, "cotangent": { "shape": [1, 1], "data": [1] }, "output": { "shape": [1, 1], "data": [3e-17] }, "grads": {} }""", VectorStatus.Pass, null)]
    [InlineData("not 0", """{ "name": "linear", "inputs": { "x": { "shape": [1, 2], "data": [1, 1] }, "w": { "shape": [1, 2], "data": [0.3001, -0.3] } }, "cotangent": { "shape": [1, 1], "data": [1] }, "output": { "shape": [1, 1], "data": [3e-17] }, "grads": {} }""", VectorStatus.Fail, null)]
    [InlineData("no such op", """{ "name": "sigmoidal", "inputs": { "x": T } }""", VectorStatus.Unsupported, "no component does this.")]
    [InlineData("unknown attribute", """{ "name": "sigmoid", "attrs": { "temperature": 2 }, "inputs": { "x": T }, "cotangent": T, "output": T }""", VectorStatus.Unsupported, "temperature is not an option here.")]
    [InlineData("unknown optimizer", """{ "name": "lion", "attrs": {}, "inputs": { "w": T, "gradients": T }, "output": T }""", VectorStatus.Unsupported, "no optimizer of ours does this.")]
    [InlineData("lying shape", """{ "name": "sigmoid", "inputs": { "x": { "shape": [3], "data": [1] } } }""", VectorStatus.Fail, "sigmoid.inputs.x has 1 elements; its shape [3] needs 3.")]
    [InlineData("no output", """{ "name": "tanh", "inputs": { "x": T }, "cotangent": T }""", VectorStatus.Fail, "tanh.output is not a tensor {shape, data}.")]
    public void A_case_passes_fails_or_is_unsupported_and_says_why(string what, string json, VectorStatus status, string? reason)
    {
        _ = what;
        var vector = new VectorCase((System.Text.Json.Nodes.JsonObject)System.Text.Json.Nodes.JsonNode.Parse(json.Replace("T", """{ "shape": [1, 2], "data": [0, 1] }""", StringComparison.Ordinal))!);
        using var device = new CpuDevice(1);
        var result = VectorCheck.Run("file.json", vector, device);
        Assert.Equal((status, reason), (result.Status, result.Reason));
    }

    [Fact]
    public void A_file_that_is_not_JSON_is_refused_by_name()
    {
        var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName() + ".json");
        File.WriteAllText(path, "{ cases: ");
        try
        {
            using var device = new CpuDevice(1);
            Assert.Contains($"{path} is not JSON", Assert.Throws<InvalidDataException>(() => VectorCheck.Run(path, device).ToList()).Message);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static string Folder => Path.Combine(Repository.Root, "tests", "DistTrain.Tests", "Learning", "Vectors");
}
