using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>Golden parameter vectors after each step of an optimizer; the gradients are given.</summary>
internal static class OptimizerVectors
{
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
            state.Step(step + 1, vector.Number("lr", double.NaN), vector.Number("clip_norm", 0), weights.View, gradient.View, [(0, length)]);
            weights.Read(0, ours);
            worst = Math.Max(worst, VectorTensor.Error(expected.Values.AsSpan(step * length, length), ours));
        }
        return worst;
    }

    /// <summary>The optimizer that a case's attributes describe; its family is the first word of <paramref name="name"/>.</summary>
    public static Optimizer Find(VectorCase v, string name)
    {
        if (v.Flag("maximize") || v.Flag("amsgrad") || v.Number("dampening", 0) != 0) throw new UnsupportedVectorException("maximize, amsgrad and dampening are not options here.");
        var (lr, decay, mu) = (v.Number("lr", 0.1), v.Number("weight_decay", 0), v.Number("momentum", 0));
        var betas = v.Attrs["betas"] is System.Text.Json.Nodes.JsonArray { Count: 2 } two ? (two[0]!.GetValue<double>(), two[1]!.GetValue<double>()) : (0.9, 0.999);
        return name.Split('_')[0] switch
        {
            "sgd" or "momentum" or "nesterov" when v.Flag("nesterov") || name.StartsWith("nesterov", StringComparison.Ordinal) => new Nesterov(new(lr, mu, decay)),
            "sgd" or "momentum" when mu != 0 => new Momentum(new(lr, mu, decay)),
            "sgd" or "momentum" => new Sgd(new(lr, decay)),
            "adam" => new Adam(new(lr, betas.Item1, betas.Item2, v.Number("eps", 1e-8), decay)),
            "adamw" => new AdamW(new(lr, betas.Item1, betas.Item2, v.Number("eps", 1e-8), v.Attrs["weight_decay"] is null ? 0.01 : decay)),
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
