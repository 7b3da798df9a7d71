using DistTrain.Learning;

namespace DistTrain.Tests.Learning.Checks;

/// <summary>What every layer and loss of the catalogue must do, found by reflection.</summary>
public sealed class LayerCatalogueTests
{
    // Each option of each loss, with a value that is not the default.
    private static readonly (string Text, Shape Output, Shape Target, int Classes)[] Forms =
    [
        ("{crossEntropy: {labelSmoothing: 0.1}}", new(7), new(), 7), ("{crossEntropy: {labelSmoothing: 0.1, classWeights: [1, 2, 0.5, 3, 1, 1, 0.25], ignoreIndex: 3}}", new(7), new(), 7), ("{crossEntropy: {ignoreIndex: 2}}", new(4, 5), new(4), 5),
        ("{crossEntropy: {classWeights: [1, 2, 0.5, 3], labelSmoothing: 0.2}}", new(4, 2, 3), new(2, 3), 4), ("crossEntropy", new(7, 2, 3), new(2, 3), 7), ("{binaryCrossEntropy: {positiveWeight: 2.5}}", new(7), new(7), 0),
        ("{huber: 0.3}", new(37), new(37), 0), ("{smoothL1: 0.4}", new(37), new(37), 0), ("{hinge: {margin: 0.7, power: 2}}", new(7), new(7), 0), ("{multiclassHinge: {margin: 0.9, power: 2}}", new(7), new(), 7),
        ("{adversarial: {form: minimax, role: generator}}", new(7), new(7), 0), ("{adversarial: {role: generator}}", new(7), new(7), 0), ("{adversarial: {form: leastSquares}}", new(7), new(7), 0),
        ("{content: {normalized: true}}", new(2, 3, 3), new(2, 3, 3), 0), ("{style: {normalized: true}}", new(3, 2, 2), new(3, 3), 0), ("{reconstruction: {error: crossEntropy}}", new(7), new(7), 0),
        ("{triplet: 0.83}", new(3, 5), new(), 4), ("{semiHardTriplet: 0.37}", new(7), new(), 3),
    ];

    private static readonly (string Name, Loss Loss, Shape Output, Shape Target, int Classes)[] Losses =
    [
        .. Catalog.BuiltIn.All<Loss>().Select(c => (c.Name, Smooth(c.Name))).SelectMany(l => new[]
        {
            (l.Name, l.Item2, new Shape(7), new Shape(), 7), (l.Name, l.Item2, new Shape(4, 7), new Shape(4), 7), (l.Name, l.Item2, new Shape(7), new Shape(7), 0),
            (l.Name, l.Item2, new Shape(3, 5), new Shape(), 4), (l.Name, l.Item2, new Shape(3, 2, 2), new Shape(3, 3), 0), (l.Name, l.Item2, new Shape(2, 4, 5), new Shape(), 4), (l.Name, l.Item2, new Shape(), new Shape(), 2),
        }).Where(l => l.Item2.Misfit(l.Item3, l.Item4, l.Item5 > 0 ? TargetKind.Labels : TargetKind.Values, l.Item5) is null),
        .. Forms.Select(f => (f.Text, (Loss)Read(typeof(Loss), f.Text), f.Output, f.Target, f.Classes)),
    ];

    // Margins of 1 put a kink on the very values that the check takes.
    private static Loss Smooth(string name) => name switch
    {
        "hinge" => new Hinge(new(0.931f)), "multiclassHinge" => new MulticlassHingeLoss(new(0.931f)), _ => Components.Make<Loss>(name),
    };

    // Blocks made of layers that are in the table themselves bend somewhere inside wherever one looks: golden values hold the whole, and these checks their parts.
    private static IEnumerable<(string Name, Shape Input)> Simple() => Components.Layers().Where(l => !Catalog.BuiltIn.Find<Layer>(l.Name)!.Type.IsSubclassOf(typeof(Composed)));

    [Fact]
    public void Backward_of_every_layer_agrees_with_differences()
    {
        var wrong = new List<string>();
        // A bilinear lookup bends at every pixel, and the spatial transformer starts on them: golden values hold its gradients instead.
        foreach (var (name, shape) in Simple().Where(l => l.Input.Length < 130 && l.Name != "spatialTransformer"))
        {
            using var probe = new LayerProbe(new Sequential(Components.Make<Layer>(name)), shape, Components.Devices[0].Device);
            wrong.AddRange(GradientCheck.Run(probe, samples: 3).Select(w => $"{name} on {shape}: {w}"));
        }
        Assert.True(wrong.Count == 0, string.Join("\n", wrong));
    }

    [Fact]
    public void Every_layer_and_each_of_its_options_stands_in_the_table()
    {
        var set = LayerRow.All.SelectMany(r => r.Sets()).Concat(LayerRow.Elsewhere.Keys).ToHashSet();
        var missing = Catalog.BuiltIn.All<Layer>().SelectMany(l => l.Options.Select(o => $"{l.Name}.{o.Name}").Prepend(l.Name)).Where(name => !set.Contains(name)).ToList();
        Assert.True(missing.Count == 0, $"no row of {nameof(LayerRow)} sets {string.Join(", ", missing)}. Add one with a value that is not the default.");
    }

    [Fact]
    public void Backward_of_every_row_agrees_with_differences()
    {
        var wrong = new List<string>();
        foreach (var row in LayerRow.All)
        {
            using var probe = new LayerProbe(new Sequential(row.Make()), row.Input, Components.Devices[0].Device);
            wrong.AddRange(GradientCheck.Run(probe, samples: 3, bends: row.Bends).Select(w => $"{row.Text} on {row.Input}: {w}"));
        }
        Assert.True(wrong.Count == 0, string.Join("\n", wrong));
    }

    [Fact]
    public void No_lease_thread_count_or_instruction_set_changes_a_bit_of_any_row()
    {
        var wrong = new List<string>();
        foreach (var row in LayerRow.All)
            wrong.AddRange(LeaseCheck.Run(new LeaseSubject($"{row.Text} on {row.Input}", () => new Sequential(row.Make()), row.Input, Samples: 7), Components.Devices, [4]));
        Assert.True(wrong.Count == 0, string.Join("\n", wrong.Take(20)));
    }

    [Fact]
    public void Every_loss_stands_in_the_table_and_its_gradient_agrees_with_differences()
    {
        Assert.All(Catalog.BuiltIn.All<Loss>(), c => Assert.Contains(Losses, l => l.Name == c.Name));
        var set = Forms.SelectMany(f => LayerRow.Sets(LayerRow.Json(f.Text), typeof(Loss))).ToHashSet();
        var missing = Catalog.BuiltIn.All<Loss>().SelectMany(l => l.Options.Select(o => $"{l.Name}.{o.Name}")).Where(name => !set.Contains(name)).ToList();
        Assert.True(missing.Count == 0, $"no form sets {string.Join(", ", missing)}. Add one with a value that is not the default.");
        var wrong = new List<string>();
        foreach (var (name, loss, output, target, classes) in Losses)
        {
            // A loss that compares with the input has no gradient by it: only the weights of a layer between them are looked at.
            var again = loss is Reconstruction && output.Rank > 0;
            using var probe = new LayerProbe(again ? new Sequential(new Flatten(), new Linear(new(output.Length))) : null, output, Components.Devices[0].Device, loss, target, classes > 0 ? TargetKind.Labels : TargetKind.Values);
            wrong.AddRange(GradientCheck.Run(probe, samples: 5, classes).Where(w => !again || !w.StartsWith("the gradient of the input", StringComparison.Ordinal)).Select(w => $"{name} on {output}: {w}"));
        }
        Assert.True(wrong.Count == 0, string.Join("\n", wrong));
    }

    [Fact]
    public void A_wrong_gradient_is_caught()
    {
        using var probe = new LayerProbe(new WrongScale(), new Shape(12), Components.Devices[0].Device);
        Assert.Contains("the gradient of the input", Assert.Single(GradientCheck.Run(probe, samples: 2).Take(1)));
    }

    [Fact]
    public void No_lease_thread_count_or_instruction_set_changes_a_bit_of_any_layer()
    {
        var wrong = new List<string>();
        foreach (var (name, shape) in Simple())
            wrong.AddRange(LeaseCheck.Run(new LeaseSubject($"{name} on {shape}", () => new Sequential(Components.Make<Layer>(name)), shape, Samples: 21), Components.Devices, [1, 4, 8]));
        Assert.True(wrong.Count == 0, string.Join("\n", wrong.Take(20)));
    }

    [Fact]
    public void No_loss_hides_a_NaN_of_the_model()
    {
        var hidden = new List<string>();
        foreach (var (name, loss, output, target, classes) in Losses)
        {
            using var probe = new LayerProbe(null, output, Components.Devices[0].Device, loss, target, classes > 0 ? TargetKind.Labels : TargetKind.Values);
            float[] targets = [.. Enumerable.Range(0, 6 * target.Length).Select(i => classes > 0 ? BitConverter.Int32BitsToSingle(i % 2) : 1f)];
            var found = probe.Run(probe.Network.Initialize(0), [.. Enumerable.Repeat(float.NaN, 6 * output.Length)], targets, DistTrain.Kernels.Segments.One(6));
            if (!float.IsNaN((float)loss.Finish(found.Loss, 6).Loss)) hidden.Add($"{name} on {output}: the loss is {found.Loss}");
        }
        Assert.True(hidden.Count == 0, string.Join("\n", hidden));
    }

    [Fact]
    public void No_lease_thread_count_or_instruction_set_changes_a_bit_of_any_loss()
    {
        var wrong = new List<string>();
        foreach (var (name, loss, output, target, classes) in Losses)
            wrong.AddRange(LeaseCheck.Run(new LeaseSubject($"{name} on {output}", () => null, output, 21, loss, target, classes), Components.Devices, [1, 4, 8]));
        Assert.True(wrong.Count == 0, string.Join("\n", wrong.Take(20)));
    }

    // Shapes that fill register tiles and have more rows than one chunk; a micro-batch fewer than samples, and empty ones.
    public static TheoryData<string> Networks() => ["lenet", "mlp", "convolutions", "normalized", "shared weights", "sequence", "text", "blocks", "variants", "gated units", "side losses", "long segments", "fewer samples than micro-batches"];

    [Theory, MemberData(nameof(Networks))]
    public void No_lease_thread_count_or_instruction_set_changes_a_bit_of_a_network(string name)
    {
        LeaseSubject subject = name switch
        {
            "lenet" => Classifier(name, () => new LeNet().Build(new Shape(1, 28, 28), 10), new Shape(1, 28, 28), 10, 19),
            "mlp" => Classifier(name, () => new Mlp(new() { Hidden = [48, 33] }).Build(new Shape(70), 10), new Shape(70), 10, 40),
            "convolutions" => Classifier(name, () => new Sequential(
                new Conv2d(new(12, new Pair(3, 3)) { Padding = new Pair(1, 1) }), new Relu(), new Conv2d(new(12, new Pair(3, 3)) { Groups = 12, Stride = new Pair(2, 2), Padding = new Pair(1, 1) }),
                new Conv2d(new(20, new Pair(1, 1))), new Relu(), new AveragePool2d(new(new Pair(2, 2))), new Flatten(), new Linear(new(6))), new Shape(3, 16, 16), 6, 18),
            "normalized" => Classifier(name, () => new Sequential(
                new Conv2d(new(5, new Pair(3, 3)) { Bias = false }), new BatchNorm(new()), new Relu(), new Dropout(new(0.3f)), new Flatten(), new Linear(new(9)), new BatchNorm(new()), new Tanh(), new Linear(new(4))), new Shape(2, 8, 8), 4, 24),
            "shared weights" => Classifier(name, () => new Twice(), new Shape(12), 5, 21),
            "sequence" => new LeaseSubject(name, () => new Sequential(new Lstm(new(17, Layers: 2)), new Linear(new(6))), new Shape(11, 5), 21, new CrossEntropy(new()), new Shape(11), 6),
            "text" => new LeaseSubject(name, () => new Gpt(new(Layers: 1, Heads: 2, Width: 18)).Build(new Shape(19), 11), new Shape(19), 21, new CrossEntropy(new()), new Shape(19), 11),
            "blocks" => Classifier(name, () => new Sequential(
                new Conv2d(new(18, new Pair(3, 3)) { Bias = false }), new Residual(new()
                {
                    Body = [new Conv2d(new(18, new Pair(3, 3)) { Groups = 18, Stride = new Pair(2, 2), Padding = new Pair(1, 1) }), new BatchNorm(new()), new SqueezeExcite(new(3))],
                    Shortcut = [new Conv2d(new(18, new Pair(1, 1)) { Stride = new Pair(2, 2) })], Relu = true,
                }), new Concat(new() { Branches = [new Chain(new()), new GroupNorm(new(6))] }), new ChannelShuffle(new(4)), new ConvTranspose2d(new(5, new Pair(2, 2)) { Stride = new Pair(2, 2) }), new GlobalAveragePool(), new Linear(new(6))), new Shape(3, 12, 12), 6, 19),
            "variants" => Classifier(name, () => new Sequential(
                new Conv2d(new(5, new Pair(3, 3)) { Flipped = true }), new Relu(), new Dropout(new(0.3f, ScaleAtTest: true)), new MaxUnpool2d(new(new Pair(2, 2)) { Body = [new Conv2d(new(5, new Pair(1, 1)))] }),
                new ResidualAttention(new() { Form = AttentionMask.Spatial }), new SpatialPyramidPool(new()), new DropConnect(new(21, 0.4f)), new Sparsity(new(0.1f)), new L2Normalize(new()), new FactorizationMachine(new(6, 3))), new Shape(2, 10, 9), 6, 22),
            "gated units" => new LeaseSubject(name, () => new Sequential(
                new TiedEmbedding(new(7, 9) { Body = [new Gru(new(9) { ResetBefore = true }), new Gru(new(9) { Mirrored = true })] }), new Gru(new(5) { ResetBefore = true, Mirrored = true }), new Linear(new(4))), new Shape(8), 21, new CrossEntropy(new()), new Shape(8), 4),
            "side losses" => Classifier(name, () => new Sequential(new Linear(new(12)), new Auxiliary(new() { Head = [new Linear(new(6)), new Tanh(), new Linear(new(5))] }), new Relu(), new Auxiliary(new() { Head = [new Linear(new(5))] }), new Linear(new(5))), new Shape(7), 5, 21),
            "long segments" => new LeaseSubject(name, () => new Sequential(new Conv2d(new(4, new Pair(3, 3))), new Relu(), new Flatten(), new Linear(new(3))), new Shape(2, 26, 26), 9),
            _ => Classifier(name, () => new Mlp(new() { Hidden = [8] }).Build(new Shape(6), 3), new Shape(6), 3, 5),
        };
        var wrong = LeaseCheck.Run(subject, Components.Devices, [1, 4, 8]);
        Assert.True(wrong.Count == 0, string.Join("\n", wrong.Take(20)));
    }

    [Fact]
    public void Gradients_of_shared_weights_agree_with_differences()
    {
        using var probe = new LayerProbe(new Twice(), new Shape(12), Components.Devices[0].Device);
        var wrong = GradientCheck.Run(probe, samples: 8);
        Assert.True(wrong.Count == 0, string.Join("\n", wrong));
    }

    [Fact]
    public void A_sum_that_ignores_micro_batches_is_caught()
    {
        var wrong = LeaseCheck.Run(new LeaseSubject("blind", () => new Blind(), new Shape(6), Samples: 21), Components.Devices.Take(1).ToList(), [4]);
        Assert.Contains(wrong, w => w.StartsWith("blind, 4 micro-batches leased as [0, 4) on scalar: gradient", StringComparison.Ordinal));
    }

    private static object Read(Type kind, string text)
    {
        var problems = new List<Problem>();
        var made = Catalog.BuiltIn.Read(kind, LayerRow.Json(text), "row", problems);
        Assert.True(made is not null, $"{text}: {string.Join("\n", problems)}");
        return made;
    }

    private static LeaseSubject Classifier(string name, Func<Layer> layer, Shape input, int classes, int samples) =>
        new(name, layer, input, samples, new CrossEntropy(new()), new Shape(), classes);
}
