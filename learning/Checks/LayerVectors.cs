using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>Golden cases of layers whose options or operands need translating: transposed and 3-D convolutions, normalizations, resampling, attention.</summary>
internal static class LayerVectors
{
    public static readonly Dictionary<string, Func<VectorCase, Layer>> Layers = new(StringComparer.Ordinal)
    {
        ["softmax"] = _ => new Softmax(),
        ["log_softmax"] = _ => new LogSoftmax(),
        ["prelu"] = v => new Prelu(new(Shared: v.Input("a").Values.Length == 1)),
        ["maxout"] = v => new Maxout(new((int)v.Number("pieces", 2))),
        ["embedding"] = v => new Embedding(new(v.Input("w").Shape[0], v.Input("w").Shape[1])),
        ["conv1d"] = v => new Conv1d(new(v.Input("w").Shape[0], v.Input("w").Shape[2])
        {
            Stride = (int)v.Number("stride", 1), Padding = (int)v.Number("padding", 0), Dilation = (int)v.Number("dilation", 1), Groups = (int)v.Number("groups", 1), Bias = v.Inputs.ContainsKey("bias"),
        }),
        ["conv3d"] = v =>
        {
            var w = v.Input("w").Shape;
            return new Conv3d(new(w[0], new Pair(w[3], w[4]), w[2])
            {
                Stride = v.Plane("stride", 1), StrideDepth = v.Depth("stride", 1), Padding = v.Plane("padding", 0), PaddingDepth = v.Depth("padding", 0), Dilation = v.Plane("dilation", 1), DilationDepth = v.Depth("dilation", 1),
                Groups = (int)v.Number("groups", 1), Bias = v.Inputs.ContainsKey("bias"),
            });
        },
        ["conv_transpose2d"] = v => new ConvTranspose2d(new(v.Input("w").Shape[1] * (int)v.Number("groups", 1), new Pair(v.Input("w").Shape[2], v.Input("w").Shape[3]))
        {
            Stride = v.Pair("stride", 1), Padding = v.Pair("padding", 0), OutputPadding = v.Pair("output_padding", 0), Dilation = v.Pair("dilation", 1), Groups = (int)v.Number("groups", 1), Bias = v.Inputs.ContainsKey("bias"),
        }),
        ["layernorm"] = v => new LayerNorm(new((float)v.Number("eps", 1e-5))),
        ["groupnorm"] = v => new GroupNorm(new((int)v.Number("groups", 1), (float)v.Number("eps", 1e-5))),
        ["local_response_norm"] = v => new LocalResponseNorm(new((int)v.Number("size", 5), (float)v.Number("alpha", 1e-4), (float)v.Number("beta", 0.75), (float)v.Number("k", 1))),
        ["upsample_nearest"] = v => new Upsample(new(Factor(v))),
        ["upsample_bilinear"] = v => new Upsample(new(Factor(v), Interpolation.Bilinear)),
        ["pixel_shuffle"] = v => new PixelShuffle(new(Factor(v))),
        ["channel_shuffle"] = v => new ChannelShuffle(new((int)v.Number("groups", 1))),
        ["gram"] = _ => new Gram(new()),
        ["rnn"] = v => new Rnn(new(Hidden(v), Stacked(v)) { Bidirectional = Reversed(v), Bias = Biased(v), Activation = v.Name.Contains("relu", StringComparison.Ordinal) ? RecurrentActivation.Relu : RecurrentActivation.Tanh }),
        ["gru"] = v => new Gru(new(Hidden(v), Stacked(v)) { Bidirectional = Reversed(v), Bias = Biased(v) }),
        ["lstm"] = v => new Lstm(new(Hidden(v), Stacked(v)) { Bidirectional = Reversed(v), Bias = Biased(v) }),
    };

    /// <summary>x and theta are one row of the probe's input: theta first.</summary>
    public static double AffineSample(VectorCase v, Device device)
    {
        if (v.Flag("align_corners")) throw new UnsupportedVectorException("corners are not aligned here.");
        var (theta, x, output) = (v.Input("theta"), v.Input("x"), v.Tensor("output"));
        var (samples, image) = (x.Shape[0], x.Sample.Length);
        using var probe = new LayerProbe(new Lookup(x.Sample, output.Shape), new Shape(6 + image), device);
        var rows = new float[samples * (6 + image)];
        for (var n = 0; n < samples; n++)
        {
            theta.Floats.AsSpan(6 * n, 6).CopyTo(rows.AsSpan(n * (6 + image)));
            x.Floats.AsSpan(n * image, image).CopyTo(rows.AsSpan(n * (6 + image) + 6));
        }
        var found = probe.Run(probe.Network.Initialize(0), rows, v.Tensor("cotangent").Floats, Segments.One(samples));
        float[] Part(int start, int length) => [.. Enumerable.Range(0, samples).SelectMany(n => found.InputGradient.AsSpan(n * (6 + image) + start, length).ToArray())];
        return Math.Max(output.Error(found.Output), Math.Max(v.Grad("theta").Error(Part(0, 6)), v.Grad("x").Error(Part(6, image))));
    }

    /// <summary>q, k, v [N, heads, T, d] are packed into rows [T, 3, heads, d].</summary>
    public static double Attention(VectorCase v, Device device)
    {
        var shape = v.Input("q").Shape;
        var (samples, heads, steps, width) = (shape[0], shape[1], shape[2], shape[3]);
        using var probe = new LayerProbe(new ScaledDotAttention(new(heads, Causal: v.Name.Contains("causal", StringComparison.Ordinal))), new Shape(steps, 3 * heads * width), device);
        // Element of tensor [N, heads, T, d] at place i of rows of so many such tensors, the one with this number.
        int At(int i, int tensors, int tensor) => ((i / steps / width / heads * steps + i / width % steps) * tensors + tensor) * heads * width + i / width / steps % heads * width + i % width;
        var rows = new float[3 * shape.Length];
        foreach (var (name, tensor) in new[] { ("q", 0), ("k", 1), ("v", 2) })
            for (var i = 0; i < shape.Length; i++) rows[At(i, 3, tensor)] = (float)v.Input(name).Values[i];
        var cotangent = new float[shape.Length];
        for (var i = 0; i < shape.Length; i++) cotangent[At(i, 1, 0)] = (float)v.Tensor("cotangent").Values[i];
        var found = probe.Run(probe.Network.Initialize(0), rows, cotangent, Segments.One(samples));
        double Error(VectorTensor value, float[] ours, int tensors, int tensor) => value.Error([.. Enumerable.Range(0, shape.Length).Select(i => ours[At(i, tensors, tensor)])]);
        return new[] { ("q", 0), ("k", 1), ("v", 2) }.Select(p => Error(v.Grad(p.Item1), found.InputGradient, 3, p.Item2)).Append(Error(v.Tensor("output"), found.Output, 1, 0)).Max();
    }

    private static int Hidden(VectorCase v) => v.Attrs["batch_first"] is null || v.Flag("batch_first") ? v.Input("weight_hh_l0").Shape[1] : throw new UnsupportedVectorException("recurrent layers take [samples, steps, inputs].");

    private static int Stacked(VectorCase v) => v.Inputs.Count(i => i.Key.StartsWith("weight_ih_l", StringComparison.Ordinal) && !i.Key.EndsWith("_reverse", StringComparison.Ordinal));

    private static bool Reversed(VectorCase v) => v.Inputs.ContainsKey("weight_ih_l0_reverse");

    private static bool Biased(VectorCase v) => v.Inputs.ContainsKey("bias_ih_l0");

    // From shapes: how many times wider the output is.
    private static int Factor(VectorCase v) => v.Tensor("output").Shape[-1] / v.Input("x").Shape[-1];

    private sealed class Lookup(Shape image, Shape output) : Layer
    {
        public override Shape Build(LayerBuilder build, Shape input) => new(image[0], output[2], output[3]);

        public override Tensor Forward(Tape tape, Tensor x) => tape.Add(new SpatialTransformer.Lookup(tape, tape.Add(new Sliced(tape, x, 0, 6)), tape.Add(new Sliced(tape, x, 6, image.Length)).Reshape(image),
            new AffineSampleShape(image[0], image[1], image[2], output[2], output[3])));
    }
}
