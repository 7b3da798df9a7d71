using System.Globalization;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>Golden cases of one layer or loss: the family is the longest known prefix of the case's name; everything else is read from attributes and shapes.</summary>
internal static class OpVectors
{
    // A suffix after the family names the variant for readers; it ends at a word boundary.
    private static readonly Dictionary<string, Func<VectorCase, Device, double>> Families = new(StringComparer.Ordinal)
    {
        ["relu"] = (v, d) => Layer(v, d, new Relu()),
        ["relu6"] = (v, d) => Layer(v, d, new Relu6(), out _, out _, scale: 4f), // the golden function is relu6(4·x), to reach the upper bend
        ["leaky_relu"] = (v, d) => Layer(v, d, new LeakyRelu(new((float)Parameter(v, ["negative_slope", "slope", "alpha"], 0.01)))),
        ["absolute_rectifier"] = (v, d) => Layer(v, d, new Absolute()),
        ["elu"] = (v, d) => Layer(v, d, new Elu(new((float)Parameter(v, ["alpha"], 1.0)))),
        ["selu"] = (v, d) => Layer(v, d, new Selu()),
        ["sigmoid"] = (v, d) => Layer(v, d, new Sigmoid()),
        ["tanh"] = (v, d) => Layer(v, d, new Tanh()),
        ["softplus"] = (v, d) => Layer(v, d, new Softplus()),
        ["gelu_erf"] = (v, d) => Layer(v, d, new Gelu()),
        ["silu"] = (v, d) => Layer(v, d, new Silu()),
        ["hard_swish"] = (v, d) => Layer(v, d, new HardSwish()),
        ["linear"] = (v, d) => Layer(v, d, new Linear(new(v.Input("w").Shape[0], v.Inputs.ContainsKey("bias")))),
        ["conv2d"] = (v, d) => Layer(v, d, Convolution(v)),
        ["maxpool"] = (v, d) => Layer(v, d, new MaxPool2d(new(v.Pair("kernel", 2), v.Pair("stride", v.Pair("kernel", 2)), v.Pair("padding", 0)))),
        ["avgpool"] = (v, d) => Layer(v, d, new AveragePool2d(new(v.Pair("kernel", 2), v.Pair("stride", v.Pair("kernel", 2)), v.Pair("padding", 0), v.Attrs["count_include_pad"] is null || v.Flag("count_include_pad")))),
        ["global_avgpool"] = (v, d) => Layer(v, d, new Sequential(new AveragePool2d(new(Plane(v))), new Flatten())),
        ["global_maxpool"] = (v, d) => Layer(v, d, new Sequential(new MaxPool2d(new(Plane(v))), new Flatten())),
        ["batchnorm1d"] = BatchNorm,
        ["batchnorm2d"] = BatchNorm,
        ["affine_grid_sample"] = LayerVectors.AffineSample,
        ["scaled_dot_attention"] = LayerVectors.Attention,
        ["matmul"] = MatMul,
        ["batched_matmul"] = MatMul,
    };

    private static readonly string[] Attributes =
    [
        "negative_slope", "slope", "alpha", "stride", "padding", "dilation", "groups", "kernel", "count_include_pad", "eps", "momentum", "batch_first", "label_smoothing",
        "pieces", "output_padding", "size", "beta", "k", "align_corners",
        "delta", "pos_weight", "margin", "p", "form", "role", "ignore_index",
    ];

    public static double Error(VectorCase vector, Device device)
    {
        var family = Family(vector.Name) ?? throw new UnsupportedVectorException("no component does this.");
        if (!vector.AsksOnly(Attributes, out var stranger)) throw new UnsupportedVectorException($"{stranger} is not an option here.");
        if (Families.TryGetValue(family, out var check) || LossVectors.Losses.TryGetValue(family, out check)) return check(vector, device);
        var layer = LayerVectors.Layers[family](vector);
        return layer is Recurrent ? Recurrent(vector, device, layer) : Layer(vector, device, layer, out _, out _, input: vector.Inputs.ContainsKey("ids") ? "ids" : "x");
    }

    // What follows a family's name begins with _ or is a number (upsample_nearest2); relu6 is its own family.
    private static string? Family(string name) => Families.Keys.Concat(LayerVectors.Layers.Keys).Concat(LossVectors.Losses.Keys)
        .Where(f => name == f || name.StartsWith(f + "_", StringComparison.Ordinal) || (name.Length > f.Length && name.StartsWith(f, StringComparison.Ordinal) && char.IsAsciiDigit(name[f.Length]) && name[f.Length..].All(char.IsAsciiDigit))).MaxBy(f => f.Length);

    private static Conv2d Convolution(VectorCase v)
    {
        var w = v.Input("w").Shape;
        return new Conv2d(new(w[0], new Pair(w[2], w[3]))
        {
            Stride = v.Pair("stride", 1), Padding = v.Pair("padding", 0), Dilation = v.Pair("dilation", 1), Groups = (int)v.Number("groups", 1), Bias = v.Inputs.ContainsKey("bias"),
        });
    }

    private static Pair Plane(VectorCase v) => v.Input("x").Shape is { Rank: 4 } x ? new Pair(x[2], x[3]) : throw new UnsupportedVectorException("pooling takes [N, C, H, W].");

    private static double Layer(VectorCase v, Device device, Layer layer) => Layer(v, device, layer, out _, out _);

    private static double Layer(VectorCase v, Device device, Layer layer, out ProbeResult found, out Network network, float scale = 1f, string input = "x")
    {
        var x = v.Input(input);
        using var probe = new LayerProbe(layer, x.Sample, device);
        network = probe.Network;
        var weights = network.Initialize(0);
        foreach (var (name, _) in v.Inputs.Where(i => i.Key != input))
        {
            var slice = Slice(network, name) ?? throw new UnsupportedVectorException($"there is no {name} here.");
            var given = v.Input(name);
            if (given.Values.Length != slice.Length) throw new ShapeException($"{name} is {given.Shape}; the layer's is {slice.Shape}.");
            given.Floats.CopyTo(weights.AsSpan(slice.Offset));
        }
        found = probe.Run(weights, Scaled(x.Floats, scale), v.Tensor("cotangent").Floats, Segments.One(x.Shape[0]));
        var error = v.Tensor("output").Error(found.Output);
        foreach (var (name, _) in v.Grads)
        {
            var slice = name == input ? null : Slice(network, name) ?? throw new UnsupportedVectorException($"there is no {name} here.");
            error = Math.Max(error, v.Grad(name).Error(slice is null ? Scaled(found.InputGradient, scale) : found.Gradient.AsSpan(slice.Offset, slice.Length)));
        }
        return error;
    }

    private static double BatchNorm(VectorCase v, Device device)
    {
        var error = Layer(v, device, new BatchNorm(new((float)v.Number("eps", 1e-5), (float)v.Number("momentum", MomentsUpdate.Momentum))), out var found, out var network);
        if (!v.Has("running_mean_after")) return error;
        var slice = network.Layout.Slices.First(s => s.Kind == SliceKind.Moments);
        var running = new float[slice.Length];
        MomentsUpdate.Reset(running);
        MomentsUpdate.Apply(running, found.Gradient.AsSpan(slice.Offset, slice.Length), slice.Momentum);
        error = Math.Max(error, v.Tensor("running_mean_after").Error([.. running.Where((_, i) => i % 3 == 1)]));
        return Math.Max(error, v.Tensor("running_var_after").Error([.. running.Where((_, i) => i % 3 == 2)]));
    }

    private static double Recurrent(VectorCase v, Device device, Layer layer)
    {
        var error = Layer(v, device, layer);
        return error <= VectorCheck.SequenceLimit || RecurrentVectors.ErrorOfCase(v) is not (> VectorCheck.SequenceLimit and var own) ? error
            : throw new ContradictoryVectorException(error, $"the case's output does not follow from its own inputs: the formula in float64 misses it by {own:g3} too. Its recorded weights are not the ones it was made with.");
    }

    // C = A·B with gradients dA = dC·Bᵀ and dB = Aᵀ·dC; leading axes are a batch.
    private static double MatMul(VectorCase v, Device device)
    {
        var (a, b, dc) = (v.Input("a"), v.Input("b"), v.Tensor("cotangent"));
        var (m, k, n) = (a.Shape[-2], a.Shape[-1], b.Shape[-1]);
        var batch = a.Shape.Length / (m * k);
        if (b.Shape.Length != batch * k * n) throw new UnsupportedVectorException($"a is {a.Shape} and b is {b.Shape}; both need the same leading axes.");
        using var memory = device.Allocate(batch * (2 * m * k + 2 * k * n + 2 * m * n));
        View Next(ref int at, int length) => memory.View.Part((at += batch * length) - batch * length, batch * length);
        var used = 0;
        var (va, vb, vdc, vc, vda, vdb) = (Next(ref used, m * k), Next(ref used, k * n), Next(ref used, m * n), Next(ref used, m * n), Next(ref used, m * k), Next(ref used, k * n));
        foreach (var (view, tensor) in new[] { (va, a), (vb, b), (vdc, dc) }) memory.Write(view.Offset, tensor.Floats);
        var op = device.Op<IMatMul>();
        for (var i = 0; i < batch; i++)
        {
            View At(View view, int length) => view.Part(i * length, length);
            op.Multiply(new MatMulShape(m, n, k), At(va, m * k), At(vb, k * n), At(vc, m * n));
            op.Multiply(new MatMulShape(m, k, n, TransposeB: true), At(vdc, m * n), At(vb, k * n), At(vda, m * k));
            op.Multiply(new MatMulShape(k, n, m, TransposeA: true), At(va, m * k), At(vdc, m * n), At(vdb, k * n));
        }
        double Error(View view, VectorTensor value)
        {
            var ours = new float[view.Length];
            memory.Read(view.Offset, ours);
            return value.Error(ours);
        }
        return Math.Max(Error(vc, v.Tensor("output")), Math.Max(Error(vda, v.Grad("a")), Error(vdb, v.Grad("b"))));
    }

    private static float[] Scaled(float[] values, float scale) => scale == 1f ? values : [.. values.Select(v => v * scale)];

    // From an attribute, or from the number that ends the case's name (leaky_relu_0.01).
    internal static double Parameter(VectorCase v, string[] attrs, double otherwise)
    {
        foreach (var attr in attrs)
            if (v.Attrs[attr] is not null) return v.Number(attr, otherwise);
        return double.TryParse(v.Name[(v.Name.LastIndexOf('_') + 1)..], NumberStyles.Float, CultureInfo.InvariantCulture, out var named) ? named : otherwise;
    }

    internal static Slice? Slice(Network network, string name)
    {
        var ours = name switch { "w" or "a" or "gamma" => "weight", "beta" => "bias", _ => name };
        return network.Layout.Slices.FirstOrDefault(s => s.Name == ours);
    }
}
