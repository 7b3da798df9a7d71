using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using DistTrain.Learning;

namespace DistTrain.Tests.Learning.Checks;

/// <summary>Layers with options other than the defaults, alone and inside others: what gradients and bits are checked on. Every layer of the catalogue and each of its options stands here.</summary>
/// <param name="Text">As in a job spec, in one line.</param>
/// <param name="Input">One sample.</param>
/// <param name="Bends">It holds rectifiers or maxima of values that the check does not choose.</param>
internal sealed partial record LayerRow(string Text, Shape Input, bool Bends = false)
{
    /// <summary>What no row sets, and what holds it instead.</summary>
    public static readonly IReadOnlyDictionary<string, string> Elsewhere = new Dictionary<string, string>
    {
        ["sparsity.l1"] = "what it adds is no part of the outputs: the tests of side losses", ["auxiliary.head"] = "the same", ["auxiliary.weight"] = "the same",
    };

    private static readonly Shape Line = new(2, 9), Plane = new(4, 5, 6), Volume = new(2, 4, 5, 4), Steps = new(5, 4);

    public static IReadOnlyList<LayerRow> All { get; } =
    [
        // Element by element
        new("absolute", new(37)), new("relu", Plane), new("relu6", new(37)), new("{leakyRelu: 0.3}", new(37)), new("{elu: 0.7}", new(37)), new("selu", new(37)), new("sigmoid", Plane), new("tanh", Steps), new("softplus", new(37)),
        new("gelu", Steps), new("silu", Plane), new("{swish: 1.7}", new(37)), new("hardSwish", new(37)), new("{prelu: {slope: 0.1}}", Plane), new("{prelu: {shared: true}}", Plane), new("{prelu: {shared: true}}", new(7)),
        new("softmax", Steps), new("logSoftmax", new(3, 2, 5)), new("{maxout: {pieces: 3}}", new(2, 12)), new("{dropout: {p: 0.3}}", Plane), new("{dropout: {p: 0.3, scaleAtTest: true}}", new(37)), new("{sparsity: {l1: 0}}", new(6)), new("auxiliary", new(6)),
        // Products
        new("{linear: {out: 5, bias: false, weightInit: {normal: {std: 0.3}}}}", new(3, 4)), new("{linear: {out: 7, biasInit: {constant: 0.5}}}", new(13)),
        new("{dropConnect: {out: 5, p: 0.4, bias: false, weightInit: kaimingNormal}}", new(9)), new("{dropConnect: {out: 3, p: 0.2, biasInit: {constant: 0.2}}}", new(2, 6)),
        new("{embedding: {vocabulary: 7, width: 3, init: {uniform: {}}}}", new(6)), new("{tiedEmbedding: {vocabulary: 6, width: 4, bias: true, init: {normal: {std: 0.5}}, body: [{linear: 4}, tanh]}}", new(5)),
        new("{factorizationMachine: {out: 3, factors: 2, factorInit: {normal: {std: 0.4}}}}", new(7)), new("gram", new(3, 4)), new("{gram: {normalized: true}}", new(3, 2, 3)), new("chiSquare", new(2, 7), Bends: true),
        new("{positions: {init: {normal: {std: 0.4}}}}", Steps), new("{multiHeadAttention: {heads: 2, causal: false, weightInit: xavierUniform, biasInit: {constant: 0.1}}}", Steps), new("{multiHeadAttention: {heads: 4}}", Steps),
        new("{scaledDotAttention: {heads: 2, causal: false}}", new(4, 12)), new("scaledDotAttention", new(5, 6)),
        new("{multiHeadAttention: {heads: 2, dropout: 0.3}}", Steps), new("{multiHeadAttention: {heads: 2, memory: [{linear: 4}, tanh], dropout: 0.2, biasInit: {constant: 0.1}}}", Steps), new("{multiHeadAttention: {memory: [{linear: 3}]}}", Steps),
        new("{sequential: {layers: [{embedding: {vocabulary: 5, width: 4}}, {multiHeadAttention: {heads: 2, causal: false, padding: 2}}]}}", new(6)), new("{sequential: {layers: [{embedding: {vocabulary: 5, width: 4}}, {multiHeadAttention: {memory: [{linear: 6}], padding: 0}}]}}", new(6)),
        new("{scaledDotAttention: {heads: 2, dropout: 0.4}}", new(5, 12)), new("{sequential: {layers: [{embedding: {vocabulary: 5, width: 12}}, {scaledDotAttention: {heads: 2, padding: 1}}]}}", new(6)),
        // Convolutions
        new("{conv1d: {out: 6, kernel: 3, stride: 2, padding: 2, dilation: 2, groups: 2, bias: false}}", Line), new("{conv1d: {out: 3, kernel: 4, flipped: true, weightInit: kaimingUniform, biasInit: {constant: 0.3}}}", Line),
        new("{conv2d: {out: 6, kernel: [3, 2], stride: [2, 1], padding: [2, 1], dilation: [1, 2], groups: 2, bias: false}}", Plane), new("{conv2d: {out: 4, kernel: 3, flipped: true, padding: 1, weightInit: xavierNormal, biasInit: {constant: 0.3}}}", Plane),
        new("{conv2d: {out: 8, kernel: 3, padding: 1, groups: 4}}", Plane), new("{conv2d: {out: 3, kernel: 1, stride: 2}}", Plane), new("{conv2d: {out: 3, kernel: 5, padding: 2}}", Plane),
        new("{conv3d: {out: 4, kernel: [3, 2], depth: 2, stride: [1, 2], strideDepth: 2, padding: [1, 0], paddingDepth: 1, groups: 2, bias: false}}", Volume),
        new("{conv3d: {out: 3, kernel: 2, dilation: [2, 1], dilationDepth: 3, weightInit: kaimingNormal, biasInit: {constant: 0.3}}}", Volume),
        new("{conv3d: {out: 4, kernel: 3, depth: 2, padding: 1, groups: 2, flipped: true}}", Volume),
        new("{convTranspose2d: {out: 4, kernel: [3, 2], stride: [2, 1], padding: [1, 0], outputPadding: [1, 0], dilation: [1, 2], groups: 2, bias: false}}", new(4, 3, 4)),
        new("{convTranspose2d: {out: 2, kernel: 3, outputPadding: 1, dilation: 2, weightInit: kaimingNormal, biasInit: {constant: 0.3}}}", new(3, 3, 4)),
        new("{depthwiseConv2d: {kernel: [3, 2], stride: [2, 1], padding: [0, 1], multiplier: 2, bias: false}}", Plane), new("{depthwiseConv2d: 5}", Plane),
        new("{pointwiseConv2d: {out: 6, groups: 2, bias: false}}", Plane), new("{separableConv2d: {out: 5, kernel: 5, stride: 2}}", Plane, Bends: true),
        // Pooling and places
        new("{maxPool1d: {kernel: 3, stride: 2, padding: 1}}", Line), new("{maxPool2d: {kernel: [3, 2], stride: [2, 1], padding: [1, 0]}}", Plane), new("{maxPool3d: {kernel: [2, 3], depth: 3, stride: [1, 2], strideDepth: 1, padding: [1, 0]}}", Volume),
        new("{averagePool1d: {kernel: 3, stride: 2, padding: 1, countPadding: false}}", Line), new("{averagePool2d: {kernel: [3, 2], stride: [2, 1], padding: [1, 1], countPadding: false}}", Plane), new("{averagePool2d: {kernel: 3, padding: 1}}", Plane),
        new("{averagePool3d: {kernel: [2, 3], depth: 3, stride: [1, 2], strideDepth: 1, padding: [1, 0], countPadding: false}}", Volume),
        new("{adaptiveAveragePool2d: [3, 4]}", Plane), new("{adaptiveMaxPool2d: [2, 7]}", Plane), new("{adaptiveAveragePool2d: [1, 3]}", Plane), new("{adaptiveMaxPool2d: [5, 2]}", Plane), new("globalAveragePool", Plane), new("globalMaxPool", Plane), new("{spatialPyramidPool: {levels: [3, 2]}}", Plane),
        new("{maxUnpool2d: {kernel: 2, stride: 3, body: [{conv2d: {out: 4, kernel: 3, padding: 1}}, tanh]}}", Plane), new("{roiPool2d: {out: [2, 3], scale: 0.5, features: [{conv2d: {out: 3, kernel: 3}}], regions: [{slice: {count: 1}}, flatten, {linear: 8}]}}", Plane, Bends: true),
        new("{spatialTransformer: {out: 4, localization: [{conv2d: {out: 2, kernel: 3}}, tanh, flatten, {linear: 5}]}}", new(2, 6, 7), Bends: true), new("{upsample: 3}", new(2, 3, 4)), new("{upsample: {factor: 3, mode: bilinear}}", new(2, 3, 4)), new("{pixelShuffle: 2}", Plane),
        new("{channelShuffle: 2}", Plane), new("{slice: {count: 2, first: 1}}", Plane), new("flatten", Plane), new("{reshape: {shape: [6, 0]}}", Plane),
        // Normalization
        new("{batchNorm: {epsilon: 0.1, momentum: 0.3}}", new(7)), new("batchNorm", Plane), new("{batchNorm: {affine: false}}", Plane), new("{batchNorm: {frozen: true}}", Plane), new("{batchNorm: {frozen: true, affine: false}}", new(7)), new("{layerNorm: 0.1}", Plane), new("{groupNorm: {groups: 2, epsilon: 0.1}}", Plane), new("{instanceNorm: {affine: true, epsilon: 0.1}}", Plane), new("instanceNorm", Line),
        new("{l2Normalize: 1e-6}", Plane), new("{localResponseNorm: {size: 3, alpha: 0.5, beta: 0.6, k: 2}}", Plane), new("{localResponseNorm: {size: 4, alpha: 0.5}}", Plane),
        // Sequences
        new("{rnn: {hidden: 3, layers: 2, bidirectional: true, bias: false}}", Steps), new("{rnn: {hidden: 4, activation: relu, hiddenInit: identity}}", Steps, Bends: true), new("{gru: {hidden: 3, layers: 2, bidirectional: true, bias: false}}", Steps),
        new("{gru: {hidden: 3, resetBefore: true, mirrored: true}}", Steps), new("{gru: {hidden: 3, resetBefore: true, bias: false}}", Steps), new("{lstm: {hidden: 3, layers: 2, bidirectional: true, bias: false}}", Steps), new("{lstm: 5}", Steps),
        // Containers
        new("{sequential: {layers: [{linear: 5}, tanh, {linear: 3}]}}", new(6)), new("{residual: {body: [{linear: 6}, tanh], shortcut: [{linear: 6}]}}", new(6)), new("{residual: {body: [{conv2d: {out: 4, kernel: 3, padding: 1}}], relu: true}}", Plane, Bends: true),
        new("{concat: {branches: [{conv2d: {out: 2, kernel: 1}}, {sequential: {}}, {averagePool2d: {kernel: 3, stride: 1, padding: 1}}]}}", Plane), new("{channelSplit: {branches: [{sequential: {}}, {conv2d: {out: 3, kernel: 3, padding: 1}}]}}", Plane),
        new("{residualAttention: {trunk: [{conv2d: {out: 3, kernel: 3, padding: 1}}], mask: [{conv2d: {out: 3, kernel: 1}}], form: channel}}", Plane), new("{residualAttention: {trunk: [tanh], mask: [{depthwiseConv2d: 3}], form: spatial}}", Plane), new("{residualAttention: {mask: [{conv2d: {out: 4, kernel: 1}}]}}", Plane),
        // Blocks of the named models
        new("{basicBlock: {out: 6, stride: 2}}", Plane, Bends: true), new("{basicBlock: 4}", Plane, Bends: true), new("{bottleneck: {width: 2, stride: 2, expansion: 3}}", Plane, Bends: true), new("{denseBlock: {layers: 2, growth: 3, width: 2}}", Plane, Bends: true),
        new("{denseBlock: {layers: 2, growth: 2, width: 0}}", Plane, Bends: true), new("{transition: 0.75}", Plane, Bends: true), new("{fire: {squeeze: 3, expand: 2}}", Plane, Bends: true),
        new("{inception: {one: 2, beforeThree: 2, three: 3, beforeFive: 2, five: 2, pooled: 2}}", Plane, Bends: true), new("{invertedResidual: {out: 4, expansion: 2, kernel: 5, squeeze: 2, swish: true}}", Plane, Bends: true), new("{invertedResidual: {out: 3, stride: 2, expansion: 1}}", Plane, Bends: true),
        new("{ninBlock: {out: 3, kernel: 5, stride: 2, padding: 1, first: 4, second: 5}}", Plane, Bends: true), new("{squeezeExcite: {reduction: 2}}", Plane, Bends: true), new("{squeezeExcite: {hidden: 3, swish: true}}", Plane),
    ];

    /// <summary>A new layer each time.</summary>
    public Layer Make()
    {
        var problems = new List<Problem>();
        var made = Catalog.BuiltIn.Read(typeof(Layer), Json(Text), "row", problems);
        Assert.True(made is not null, $"{Text}: {string.Join("\n", problems)}");
        return (Layer)made;
    }

    /// <summary>"layer.option" for each option that the row sets, and "layer" for each layer in it.</summary>
    public IEnumerable<string> Sets() => Sets(Json(Text), typeof(Layer));

    // Words without quotes, as in YAML.
    internal static JsonNode Json(string text) => JsonNode.Parse(Word().Replace(text, m => m.Value is "true" or "false" ? m.Value : $"\"{m.Value}\""))!;

    internal static IEnumerable<string> Sets(JsonNode? json, Type kind)
    {
        if (json is JsonValue value && value.TryGetValue(out string? name)) return [name];
        if (json is JsonArray list) return list.SelectMany(item => Sets(item, kind));
        if (json is not JsonObject { Count: 1 } one) return [];
        var (layer, options) = one.First();
        if (options is not JsonObject given) return [layer, $"{layer}.{Catalog.BuiltIn.Find(kind, layer)?.Options[0].Name}"];
        return [layer, .. given.SelectMany(o => Sets(o.Value, kind).Prepend($"{layer}.{o.Key}"))];
    }

    [GeneratedRegex(@"(?<![\w.])[A-Za-z]\w*")]
    private static partial Regex Word();
}
