using System.Globalization;
using System.Runtime.InteropServices;

namespace DistTrain.Learning;

/// <summary>An ONNX model of a network and its weights: operator set 14, batch axis free, the weights inside the file.  github.com/onnx/onnx/blob/main/onnx/onnx.proto</summary>
public sealed class OnnxGraph
{
    private const int OperatorSet = 14;
    private const int FormatVersion = 7;

    // Numbers of ONNX's own fields and element types.
    internal const int Float = 1, Int64 = 7;

    private readonly float[] _weights;
    private readonly ProtoWriter _graph = new();
    private readonly HashSet<string> _written = new(StringComparer.Ordinal);
    private int _names;

    private OnnxGraph(float[] weights) => _weights = weights;

    /// <param name="weights">The flat vector of the network's layout.</param>
    /// <exception cref="NotSupportedException">A layer has no form in ONNX here; the text names it.</exception>
    public static byte[] Export(Network network, float[] weights, string name)
    {
        if (weights.Length != network.Layout.Length) throw new ArgumentException($"weights has {weights.Length} elements. It must have {network.Layout.Length}.", nameof(weights));
        var graph = new OnnxGraph(weights);
        var last = network.ToOnnx(graph, "input");
        graph._graph.Message(1, Node("Identity", [last], "output", "output"));
        graph._graph.Text(2, name).Message(11, Value("input", network.Input)).Message(12, Value("output", network.Output));
        return new ProtoWriter().Number(1, FormatVersion).Text(2, "DistTrain").Message(7, graph._graph).Message(8, new ProtoWriter().Text(1, "").Number(2, OperatorSet)).ToArray();
    }

    /// <summary>A node with one output.</summary>
    /// <param name="attributes">long, float, long[], string or string[] values.</param>
    /// <returns>The output's name.</returns>
    public string Add(string op, IReadOnlyList<string> inputs, params ReadOnlySpan<(string Name, object Value)> attributes)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"{op.ToLowerInvariant()}_{_names++}");
        _graph.Message(1, Node(op, inputs, name, name, attributes));
        return name;
    }

    /// <summary>A parameter's values under its own name.</summary>
    public string Weights(Parameter parameter) => Constant(parameter.Name, parameter.Shape.Axes.ToArray(), _weights.AsSpan(parameter.Slice.Offset, parameter.Slice.Length));

    /// <summary>The same under a name of its own, as another shape of as many elements.</summary>
    public string Weights(Parameter parameter, params IReadOnlyList<int> shape) => Constant($"{parameter.Name}.as_{string.Join('x', shape)}", shape, Values(parameter));

    /// <summary>A parameter's values.</summary>
    public float[] Values(Parameter parameter) => _weights.AsSpan(parameter.Slice.Offset, parameter.Slice.Length).ToArray();

    /// <summary>One number.</summary>
    public string Scalar(float value) => Constant(string.Create(CultureInfo.InvariantCulture, $"number_{value:R}"), [], [value]);

    /// <summary>The same elements with other axes after the batch's.</summary>
    public string Reshape(string x, params ReadOnlySpan<int> sample)
    {
        var axes = new long[1 + sample.Length];
        axes[0] = -1;
        for (var i = 0; i < sample.Length; i++) axes[1 + i] = sample[i];
        return Add("Reshape", [x, Constant(axes)]);
    }

    /// <summary>Channels [first, first + count).</summary>
    public string Channels(string x, int first, int count) => Add("Slice", [x, Constant([(long)first]), Constant([(long)first + count]), Constant([1L])]);

    /// <summary>A vector of one value.</summary>
    public string Filled(float value, int count) => Constant(string.Create(CultureInfo.InvariantCulture, $"filled_{value:R}_{count}"), [count], [.. Enumerable.Repeat(value, count)]);

    /// <summary>Equal parts along axis 0.</summary>
    public IReadOnlyList<string> Split(string x, int parts) =>
        [.. Enumerable.Range(0, parts).Select(i => Add("Slice", [x, Constant([(long)i]), Constant([i + 1L]), Constant([0L])]))];

    /// <summary>(x - mean) / √(variance + epsilon) over the last axis.</summary>
    public string Normalized(string x, float epsilon)
    {
        var centred = Add("Sub", [x, Add("ReduceMean", [x], ("axes", new long[] { -1 }), ("keepdims", 1L))]);
        var variance = Add("ReduceMean", [Add("Mul", [centred, centred])], ("axes", new long[] { -1 }), ("keepdims", 1L));
        return Add("Div", [centred, Add("Sqrt", [Add("Add", [variance, Scalar(epsilon)])])]);
    }

    /// <summary>Element <paramref name="part"/> of a moments slice's triples: 1 mean, 2 variance.</summary>
    public string Moments(Parameter parameter, int part)
    {
        var triples = _weights.AsMemory(parameter.Slice.Offset, parameter.Slice.Length);
        return Constant($"{parameter.Name}_{(part == 1 ? "mean" : "var")}", [parameter.Shape[0]], [.. Enumerable.Range(0, parameter.Shape[0]).Select(c => triples.Span[3 * c + part])]);
    }

    /// <summary>A constant of its own name, written once.</summary>
    public string Constant(string name, IReadOnlyList<int> shape, ReadOnlySpan<float> values) => Tensor(name, shape, Float, MemoryMarshal.AsBytes(values));

    /// <summary>A list of whole numbers: a shape.</summary>
    public string Constant(params IReadOnlyList<long> values) => Tensor(string.Create(CultureInfo.InvariantCulture, $"list_{_names++}"), [values.Count], Int64, MemoryMarshal.AsBytes<long>(values.ToArray()));

    private string Tensor(string name, IReadOnlyList<int> shape, int type, ReadOnlySpan<byte> bytes)
    {
        if (!_written.Add(name)) return name;
        var tensor = new ProtoWriter();
        foreach (var axis in shape) tensor.Number(1, axis);
        _graph.Message(5, tensor.Number(2, type).Text(8, name).Bytes(9, bytes));
        return name;
    }

    private static ProtoWriter Node(string op, IReadOnlyList<string> inputs, string output, string name, params ReadOnlySpan<(string Name, object Value)> attributes)
    {
        var node = new ProtoWriter();
        foreach (var input in inputs) node.Text(1, input);
        node.Text(2, output).Text(3, name).Text(4, op);
        foreach (var (key, value) in attributes)
        {
            var attribute = new ProtoWriter().Text(1, key);
            switch (value)
            {
                case long number: attribute.Number(3, number).Number(20, 2); break;
                case float single: attribute.Single(2, single).Number(20, 1); break;
                case string text: attribute.Text(4, text).Number(20, 3); break;
                case string[] texts:
                    foreach (var text in texts) attribute.Text(9, text);
                    attribute.Number(20, 8);
                    break;
                case long[] numbers:
                    foreach (var number in numbers) attribute.Number(8, number);
                    attribute.Number(20, 7);
                    break;
                default: throw new ArgumentException($"attribute {key} is a {value.GetType().Name}; it must be long, float, text or a list of long.", nameof(attributes));
            }
            node.Message(5, attribute);
        }
        return node;
    }

    private static ProtoWriter Value(string name, Shape sample)
    {
        var shape = new ProtoWriter().Message(1, new ProtoWriter().Text(2, "batch"));
        foreach (var axis in sample.Axes) shape.Message(1, new ProtoWriter().Number(1, axis));
        return new ProtoWriter().Text(1, name).Message(2, new ProtoWriter().Message(1, new ProtoWriter().Number(1, Float).Message(2, shape)));
    }
}
