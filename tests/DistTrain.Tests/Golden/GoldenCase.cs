using System.Text.Json;
using DistTrain.Tests.House;

namespace DistTrain.Tests.Golden;

/// <summary>One case of the golden values (float64, from PyTorch): inputs, cotangent, output and gradients, with the error that the project promises.</summary>
internal sealed class GoldenCase
{
    private readonly JsonElement _case;
    private readonly string _where;

    private GoldenCase(JsonElement element, string where) => (_case, _where) = (element, where);

    /// <param name="family">The file in Learning/Vectors: activation, conv, linear, loss, norm, optimizer, pool, recurrent.</param>
    /// <param name="name">The case in it.</param>
    public static GoldenCase Read(string family, string name)
    {
        using var file = File.OpenRead(Path.Combine(Repository.Root, "tests/DistTrain.Tests/Learning/Vectors", family + ".json"));
        using var document = JsonDocument.Parse(file);
        foreach (var element in document.RootElement.GetProperty("cases").EnumerateArray())
            if (element.GetProperty("name").GetString() == name) return new GoldenCase(element.Clone(), $"{family}/{name}");
        throw new KeyNotFoundException($"no case {name} in {family}.json");
    }

    /// <summary>Values of a member by path, such as <c>inputs.x</c>, <c>output</c>, <c>grads.x</c>.</summary>
    public float[] Values(string path) => [.. Doubles(path).Select(v => (float)v)];

    public int[] Shape(string path) => [.. Find(path).GetProperty("shape").EnumerateArray().Select(v => v.GetInt32())];

    public double Attribute(string name) => _case.GetProperty("attrs").GetProperty(name).GetDouble();

    /// <summary>error = max |ours - value| / max |value|.</summary>
    public void AssertClose(string path, ReadOnlySpan<float> ours, double tolerance = 1e-5)
    {
        var expected = Doubles(path);
        Assert.Equal(expected.Length, ours.Length);
        var (worst, scale) = (0.0, 0.0);
        for (var i = 0; i < expected.Length; i++)
        {
            worst = Math.Max(worst, double.IsNaN(ours[i]) ? double.PositiveInfinity : Math.Abs(ours[i] - expected[i]));
            scale = Math.Max(scale, Math.Abs(expected[i]));
        }
        Assert.True(worst <= tolerance * scale, $"{_where} {path}: relative error {worst / scale:E2}, allowed {tolerance:E0}");
    }

    private double[] Doubles(string path)
    {
        var found = Find(path);
        if (found.ValueKind == JsonValueKind.Number) return [found.GetDouble()];
        var data = found.ValueKind == JsonValueKind.Object ? found.GetProperty("data") : found;
        return data.ValueKind == JsonValueKind.Number ? [data.GetDouble()] : [.. data.EnumerateArray().Select(v => v.GetDouble())];
    }

    private JsonElement Find(string path)
    {
        var at = _case;
        foreach (var part in path.Split('.')) at = at.GetProperty(part);
        return at;
    }
}
