using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>Golden cases of losses: y and target, or what stands in their place; compared as they are once the step is decided.</summary>
internal static class LossVectors
{
    public static readonly Dictionary<string, Func<VectorCase, Device, double>> Losses = new(StringComparer.Ordinal)
    {
        ["mse"] = (v, d) => Loss(v, d, new MeanSquaredError()),
        ["mae"] = (v, d) => Loss(v, d, new MeanAbsoluteError()),
        ["mbe"] = (v, d) => Loss(v, d, new MeanBiasError()),
        ["rmse"] = (v, d) => Loss(v, d, new RootMeanSquaredError()),
        ["huber"] = (v, d) => Loss(v, d, new Huber(new((float)OpVectors.Parameter(v, ["delta"], 1.0)))),
        ["smooth_l1"] = (v, d) => Loss(v, d, new SmoothL1(new((float)v.Number("beta", 1.0)))),
        ["bce_with_logits"] = (v, d) => Loss(v, d, new BinaryCrossEntropy(new((float)v.Number("pos_weight", 1.0)))),
        ["hinge"] = (v, d) => Loss(v, d, new Hinge(new((float)v.Number("margin", 1.0), (int)v.Number("p", 1)))),
        ["multiclass_hinge"] = (v, d) => Loss(v, d, new MulticlassHingeLoss(new((float)v.Number("margin", 1.0), (int)v.Number("p", 1))), labels: true),
        ["kl_div"] = (v, d) => Loss(v, d, new KullbackLeibler()),
        ["localization"] = (v, d) => Loss(v, d, new Localization()),
        ["adversarial"] = (v, d) => Loss(v, d, new Adversarial(new(
            Enum.Parse<AdversarialForm>((string?)v.Attrs["form"] ?? "nonSaturating", ignoreCase: true), Enum.Parse<AdversarialRole>((string?)v.Attrs["role"] ?? "discriminator", ignoreCase: true)))),
        ["total_variation"] = (v, d) => Loss(v, d, new TotalVariation(), of: "x"),
        ["triplet_sq_l2_margin"] = Triplet,
        ["triplet"] = Triplet,
        ["chi_square_similarity"] = ChiSquare,
        ["cross_entropy"] = (v, d) => Loss(v, d, new CrossEntropy(new((float)v.Number("label_smoothing", 0), v.Inputs.ContainsKey("weight") ? v.Input("weight").Floats : null,
            v.Attrs["ignore_index"] is null ? null : (int)v.Number("ignore_index", 0))), labels: true),
    };

    private static double Loss(VectorCase v, Device device, Loss loss, bool labels = false, string of = "y")
    {
        var y = v.Input(of);
        if (v.Inputs.FirstOrDefault(i => i.Key != of && i.Key is not ("target" or "weight")).Key is { } extra) throw new UnsupportedVectorException($"{extra} is not an option here.");
        var target = v.Inputs.ContainsKey("target") ? v.Input("target") : null;
        var (value, gradient) = Run(v, device, loss, y.Sample, y.Floats, target?.Sample ?? new Shape(), target is null ? new float[y.Shape[0]] : labels ? target.Labels : target.Floats, y.Shape[0], labels);
        return Math.Max(v.Tensor("output").Error([value]), v.Grad(of).Error(gradient));
    }

    // The loss and its gradient (times the case's cotangent) as they are once the step is decided.
    private static (float Loss, float[] Gradient) Run(VectorCase v, Device device, Loss loss, Shape sample, float[] y, Shape targetShape, float[] target, int samples, bool labels)
    {
        using var probe = new LayerProbe(null, sample, device, loss, targetShape, labels ? TargetKind.Labels : TargetKind.Values);
        var found = probe.Run(probe.Network.Initialize(0), y, target, Segments.One(samples));
        var (value, factor) = loss.Finish(found.Loss, found.Gradient[probe.Network.Layout.Metrics.Offset + 3]);
        var slope = factor * (v.Has("cotangent") ? v.Tensor("cotangent").Values[0] : 1.0);
        return ((float)value, [.. found.InputGradient.Select(g => (float)(g * slope))]);
    }

    // Anchor, positive and negative stand side by side in a sample.
    private static double Triplet(VectorCase v, Device device)
    {
        VectorTensor[] parts = [v.Input("a"), v.Input("p"), v.Input("n")];
        var (samples, d) = (parts[0].Shape[0], parts[0].Shape[1]);
        var y = new float[samples * 3 * d];
        for (var i = 0; i < y.Length; i++) y[i] = parts[i / d % 3].Floats[i / (3 * d) * d + i % d];
        var (loss, gradient) = Run(v, device, new Triplet(new((float)v.Number("margin", 0.2))), new Shape(3, d), y, new Shape(), new float[samples], samples, labels: false);
        var error = v.Tensor("output").Error([loss]);
        foreach (var (name, part) in new[] { ("a", 0), ("p", 1), ("n", 2) })
            error = Math.Max(error, v.Grad(name).Error([.. Enumerable.Range(0, samples * d).Select(i => gradient[i / d * 3 * d + part * d + i % d])]));
        return error;
    }

    private static double ChiSquare(VectorCase v, Device device)
    {
        var (a, b) = (v.Input("a"), v.Input("b"));
        var (samples, d) = (a.Shape[0], a.Shape[1]);
        using var probe = new LayerProbe(new Sequential(new ChiSquare(), new Linear(new(1)), new Sigmoid()), new Shape(2, d), device);
        var weights = probe.Network.Initialize(0);
        v.Input("w").Floats.CopyTo(weights.AsSpan(OpVectors.Slice(probe.Network, "1.weight")!.Offset));
        v.Input("bias").Floats.CopyTo(weights.AsSpan(OpVectors.Slice(probe.Network, "1.bias")!.Offset));
        var pairs = new float[samples * 2 * d];
        for (var i = 0; i < pairs.Length; i++) pairs[i] = (i / d % 2 == 0 ? a : b).Floats[i / (2 * d) * d + i % d];
        var found = probe.Run(weights, pairs, v.Tensor("cotangent").Floats, Segments.One(samples));
        float[] Half(int half) => [.. Enumerable.Range(0, samples * d).Select(i => found.InputGradient[i / d * 2 * d + half * d + i % d])];
        float[] Of(string name) => found.Gradient[OpVectors.Slice(probe.Network, name)!.Offset..][..OpVectors.Slice(probe.Network, name)!.Length];
        return new[]
        {
            v.Tensor("output").Error(found.Output), v.Grad("a").Error(Half(0)), v.Grad("b").Error(Half(1)),
            v.Grad("w").Error(Of("1.weight")), v.Grad("bias").Error(Of("1.bias")),
        }.Max();
    }
}
