using System.Text.Json;
using System.Text.Json.Nodes;

namespace DistTrain.Learning;

/// <summary>Golden values as float64 in JSON: <c>{source, seed, cases: [{name, attrs, inputs, cotangent, output, grads}]}</c>; a tensor is <c>{shape, data}</c>, row-major.</summary>
/// <param name="Path">The file.</param>
/// <param name="Cases">In order.</param>
public sealed record VectorFile(string Path, IReadOnlyList<VectorCase> Cases)
{
    /// <exception cref="InvalidDataException">The file is not in that format; the text says where.</exception>
    public static VectorFile Read(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            var cases = (JsonNode.Parse(stream) as JsonObject)?["cases"] as JsonArray ?? throw new InvalidDataException($"{path} holds no list of cases.");
            return new VectorFile(path, [.. cases.Select((c, i) => new VectorCase(c as JsonObject ?? throw new InvalidDataException($"case {i} of {path} is not an object.")))]);
        }
        catch (JsonException broken)
        {
            throw new InvalidDataException($"{path} is not JSON: {broken.Message}", broken);
        }
    }
}

/// <summary>One case of a vector file.</summary>
public sealed class VectorCase(JsonObject json)
{
    private double? _scale;

    public string Name { get; } = (string?)json["name"] ?? throw new InvalidDataException("a case has no name.");

    /// <summary>What the operation was told: strides, rates, epsilons.</summary>
    public JsonObject Attrs { get; } = json["attrs"] as JsonObject ?? [];

    public JsonObject Inputs { get; } = json["inputs"] as JsonObject ?? [];

    public JsonObject Grads { get; } = json["grads"] as JsonObject ?? [];

    /// <summary>The largest |value| of all tensors of the case.</summary>
    public double Scale => _scale ??= Largest(json);

    /// <summary>A member that is one tensor: output, cotangent.</summary>
    public VectorTensor Tensor(string member) => Expected(json[member], member);

    public VectorTensor Input(string name) => VectorTensor.Of(Inputs[name], $"{Name}.inputs.{name}");

    public VectorTensor Grad(string name) => Expected(Grads[name], $"grads.{name}");

    /// <summary>A tensor that ours is compared with.</summary>
    public VectorTensor Expected(JsonNode? tensor, string name) => VectorTensor.Of(tensor, $"{Name}.{name}") with { ZeroScale = Scale };

    /// <summary>A member that is a list of numbers.</summary>
    public double[] Numbers(string member) => json[member] is JsonArray list ? [.. list.Select(n => n!.GetValue<double>())] : throw new InvalidDataException($"{Name}.{member} is not a list of numbers.");

    public bool Has(string member) => json[member] is not null;

    public JsonObject Group(string member) => json[member] as JsonObject ?? throw new InvalidDataException($"{Name}.{member} is not an object.");

    /// <summary>Whether every attribute that asks for something (is neither null nor false) is among <paramref name="known"/>; otherwise the first one that is not.</summary>
    public bool AsksOnly(IReadOnlyCollection<string> known, out string stranger)
    {
        stranger = Attrs.FirstOrDefault(a => a.Value is not null && !(a.Value is JsonValue value && value.TryGetValue(out bool set) && !set) && !known.Contains(a.Key)).Key ?? "";
        return stranger.Length == 0;
    }

    /// <summary>A number among the attributes, or a list of one; null and absent give <paramref name="otherwise"/>.</summary>
    public double Number(string attr, double otherwise) => Attrs[attr] switch
    {
        null => otherwise,
        JsonArray { Count: 1 } one when one[0] is JsonValue only && only.TryGetValue(out double number) => number,
        JsonValue value when value.TryGetValue(out double given) => given,
        var other => throw new UnsupportedVectorException($"{attr} is {other.ToJsonString()}. It must be one number here."),
    };

    public bool Flag(string attr) => Attrs[attr] is JsonValue value && value.TryGetValue(out bool set) && set;

    /// <summary>One number for both axes, or two.</summary>
    public Pair Pair(string attr, int otherwise) => Pair(attr, new Pair(otherwise, otherwise));

    /// <summary>Of three axes the last two: one number for all, or three.</summary>
    public Pair Plane(string attr, int otherwise) => Pair(attr, otherwise);

    /// <summary>Of three axes the first.</summary>
    public int Depth(string attr, int otherwise) => Attrs[attr] is JsonArray { Count: 3 } three ? Whole(attr, three, 0) : Pair(attr, otherwise).Y;

    public Pair Pair(string attr, Pair otherwise) => Attrs[attr] switch
    {
        null => otherwise,
        JsonArray { Count: 3 } three => new Pair(Whole(attr, three, 1), Whole(attr, three, 2)),
        JsonArray { Count: 2 } two => new Pair(Whole(attr, two, 0), Whole(attr, two, 1)),
        JsonArray { Count: 1 } one => new Pair(Whole(attr, one, 0), Whole(attr, one, 0)),
        JsonValue value when value.TryGetValue(out double both) && both == Math.Floor(both) => new Pair((int)both, (int)both),
        var other => throw new UnsupportedVectorException($"{attr} is {other.ToJsonString()}. It must be a whole number, or one for each axis."),
    };

    private static int Whole(string attr, JsonArray list, int at) => list[at] is JsonValue value && value.TryGetValue(out double number) && number == Math.Floor(number) ? (int)number
        : throw new UnsupportedVectorException($"{attr} is {list.ToJsonString()}. It must be a whole number, or one for each axis.");

    private static double Largest(JsonNode? node) => node switch
    {
        JsonObject members => members.Where(m => m.Key != "attrs").Select(m => m.Key == "data" && m.Value is JsonArray data ? data.Select(d => Math.Abs(d!.GetValue<double>())).DefaultIfEmpty().Max() : Largest(m.Value)).DefaultIfEmpty().Max(),
        _ => 0,
    };
}

/// <summary>A golden tensor.</summary>
public sealed record VectorTensor(Shape Shape, double[] Values)
{
    public float[] Floats => [.. Values.Select(v => (float)v)];

    /// <summary>Whole numbers as int32 bits: labels.</summary>
    public float[] Labels => [.. Values.Select(v => BitConverter.Int32BitsToSingle((int)v))];

    /// <summary>The axes after the first, which counts samples.</summary>
    public Shape Sample => new(Shape.Axes[1..]);

    public static VectorTensor Of(JsonNode? json, string name)
    {
        if (json is not JsonObject || json["shape"] is not JsonArray axes || json["data"] is not JsonArray data) throw new InvalidDataException($"{name} is not a tensor {{shape, data}}.");
        var tensor = new VectorTensor(new Shape([.. axes.Select(a => a!.GetValue<int>())]), [.. data.Select(d => d!.GetValue<double>())]);
        return tensor.Shape.Length == tensor.Values.Length ? tensor : throw new InvalidDataException($"{name} has {tensor.Values.Length} elements; its shape {tensor.Shape} needs {tensor.Shape.Length}.");
    }

    /// <summary>The scale of what cancels where the tensor is 0: the case's largest |value|; 0: only 0 itself is right.</summary>
    public double ZeroScale { get; init; }

    /// <summary>max |ours - value| / max |value|, both of this tensor; infinite where a number is missing or not finite.</summary>
    public double Error(ReadOnlySpan<float> ours) => Error(Values, ours, ZeroScale);

    /// <param name="zeroScale">
    /// Takes the place of max |value| where that is below 1e-9 of it: such a tensor is 0 but for float64's own rounding (the bias gradient of a convolution before batch normalization, say), and what float32 leaves
    /// of it is rounding of the terms that cancel, so it can be small beside those only. Every other tensor is measured by itself, however small it is.
    /// </param>
    public static double Error(ReadOnlySpan<double> values, ReadOnlySpan<float> ours, double zeroScale)
    {
        if (values.Length != ours.Length) return double.PositiveInfinity;
        var (worst, scale) = (0.0, 0.0);
        for (var i = 0; i < values.Length; i++)
        {
            if (!float.IsFinite(ours[i])) return double.PositiveInfinity;
            worst = Math.Max(worst, Math.Abs(ours[i] - values[i]));
            scale = Math.Max(scale, Math.Abs(values[i]));
        }
        if (scale < 1e-9 * zeroScale) scale = zeroScale;
        return worst == 0 ? 0 : worst / scale;
    }
}
