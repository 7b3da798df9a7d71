using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>Golden parameter vectors after each step of an optimizer; the gradients are given.</summary>
internal static class OptimizerVectors
{
    private static readonly string[] Attributes =
    [
        "optimizer", "lr", "momentum", "dampening", "weight_decay", "nesterov", "clip_norm", "steps", "batch", "lr_decay", "eps", "initial_accumulator_value", "alpha", "centered", "rho", "betas",
        "amsgrad", "momentum_decay", "trust_coefficient", "epsilon_inside", "rate_inside", "without_rate", "momentum_start", "momentum_steps", "lr_drop", "mu_twice",
    ];

    public static double Error(VectorCase vector, Device device)
    {
        var (w, gradients, expected) = (vector.Input("w"), vector.Input("gradients"), vector.Tensor("output"));
        var length = w.Values.Length;
        var optimizer = Find(vector, vector.Name);
        using var weights = device.Allocate(length);
        using var gradient = device.Allocate(length);
        using var state = new OptimizerState(device, optimizer, length);
        weights.Write(0, w.Floats);
        var (worst, ours) = (0.0, new float[length]);
        for (var step = 0; step < gradients.Shape[0]; step++)
        {
            gradient.Write(0, gradients.Floats.AsSpan(step * length, length));
            // lr_drop: the rate from the seventh step on, as a share of lr.
            state.Step(step + 1, vector.Number("lr", double.NaN) * (step >= 6 ? vector.Number("lr_drop", 1) : 1), vector.Number("clip_norm", 0), weights.View, gradient.View, [(0, length)]);
            weights.Read(0, ours);
            worst = Math.Max(worst, VectorTensor.Error(expected.Values.AsSpan(step * length, length), ours, expected.ZeroScale));
        }
        return worst;
    }

    /// <summary>The optimizer that a case's attributes describe; its family is the first word of <paramref name="name"/>.</summary>
    public static Optimizer Find(VectorCase v, string name)
    {
        if (!v.AsksOnly(Attributes, out var stranger)) throw new UnsupportedVectorException($"{stranger} is not an option here.");
        var (lr, decay, mu, eps) = (v.Number("lr", 0.1), v.Number("weight_decay", 0), v.Number("momentum", 0), v.Number("eps", 1e-8));
        var (inside, rateInside) = (v.Flag("epsilon_inside"), v.Flag("rate_inside"));
        var betas = v.Attrs["betas"] is System.Text.Json.Nodes.JsonArray { Count: 2 } two ? (two[0]!.GetValue<double>(), two[1]!.GetValue<double>()) : (0.9, 0.999);
        double? start = v.Attrs["momentum_start"] is null ? null : v.Number("momentum_start", 0);
        var growth = (int)v.Number("momentum_steps", 1000);
        return name.Split('_')[0] switch
        {
            "sgd" or "momentum" or "nesterov" when v.Flag("nesterov") || name.StartsWith("nesterov", StringComparison.Ordinal) => new Nesterov(new(lr, mu, decay, rateInside, start, growth)),
            "sgd" or "momentum" when mu != 0 => new Momentum(new(lr, mu, decay, rateInside, start, growth, v.Number("dampening", 0))),
            "sgd" or "momentum" => new Sgd(new(lr, decay)),
            "adagrad" => new AdaGrad(new(lr, v.Number("lr_decay", 0), decay, v.Number("initial_accumulator_value", 0), v.Number("eps", 1e-10), inside)),
            "rmsprop" => new RmsProp(new(lr, v.Number("alpha", 0.99), mu, decay, eps, inside, v.Flag("centered"), v.Flag("nesterov"), rateInside)),
            "adadelta" => new AdaDelta(new(lr, v.Number("rho", 0.9), v.Number("eps", 1e-6), decay, v.Flag("without_rate"))),
            "adam" or "amsgrad" when v.Flag("amsgrad") || name.StartsWith("amsgrad", StringComparison.Ordinal) => new AmsGrad(new(lr, betas.Item1, betas.Item2, eps, decay)),
            "adam" => new Adam(new(lr, betas.Item1, betas.Item2, eps, decay)),
            "adamw" when v.Flag("amsgrad") => new AmsGrad(new(lr, betas.Item1, betas.Item2, eps, v.Number("weight_decay", 0.01), Decoupled: true)),
            "adamw" => new AdamW(new(lr, betas.Item1, betas.Item2, eps, v.Attrs["weight_decay"] is null ? 0.01 : decay)),
            "adamax" => new AdaMax(new(lr, betas.Item1, betas.Item2, eps, decay)),
            "nadam" => new Nadam(new(lr, betas.Item1, betas.Item2, eps, decay, v.Number("momentum_decay", 4e-3), v.Attrs["mu_twice"] is null || v.Flag("mu_twice"))), // golden values come from PyTorch 1.13
            "lars" => new Lars(new(lr, mu, decay, v.Number("trust_coefficient", 1e-3), eps)),
            "lamb" => new Lamb(new(lr, betas.Item1, betas.Item2, v.Number("eps", 1e-6), decay)),
            _ => throw new UnsupportedVectorException("no optimizer of ours does this."),
        };
    }
}

/// <summary>An optimizer with its state vectors over one flat stretch, stepped as a shard steps it.</summary>
internal sealed class OptimizerState : IDisposable
{
    private readonly Device _device;
    private readonly Optimizer _optimizer;
    private readonly DeviceBuffer[] _states;

    public OptimizerState(Device device, Optimizer optimizer, int length)
    {
        (_device, _optimizer) = (device, optimizer);
        _states = [.. Enumerable.Range(0, optimizer.StateCount).Select(_ => device.Allocate(length))];
    }

    /// <summary>Clips by the norm of all blocks, then applies the rule to each block.</summary>
    /// <returns>The norm before clipping.</returns>
    public double Step(long update, double rate, double clip, View weights, View gradient, ReadOnlySpan<(int Start, int Length)> blocks)
    {
        var squares = new double[blocks.Length];
        var norm = _device.Op<IBlockNorm>();
        for (var i = 0; i < blocks.Length; i++) norm.SumOfSquares(gradient, [blocks[i].Start], [blocks[i].Length], squares.AsSpan(i, 1));
        var global = Clipping.GlobalNorm(squares);
        Span<float> room = stackalloc float[Optimizer.MaxScalars];
        var scalars = room[.._optimizer.Scalars(update, rate, room)];
        foreach (var (start, length) in blocks)
            _optimizer.Apply(_device, scalars, Clipping.Coefficient(global, clip), weights.Part(start, length), gradient.Part(start, length), State(0, start, length), State(1, start, length), State(2, start, length));
        return global;
    }

    public void Dispose()
    {
        foreach (var state in _states) state.Dispose();
    }

    private View State(int index, int start, int length) => index < _states.Length ? _states[index].View.Part(start, length) : View.None;
}
