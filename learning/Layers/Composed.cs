namespace DistTrain.Learning;

/// <summary>A layer that is a fixed arrangement of others, made when its input is known; it adds nothing to their names.</summary>
public abstract class Composed : Layer
{
    private Layer _inner = null!;

    /// <param name="input">One sample's input.</param>
    /// <exception cref="ShapeException">It does not fit.</exception>
    protected abstract Layer Compose(LayerBuilder build, Shape input);

    public sealed override Shape Build(LayerBuilder build, Shape input)
    {
        _inner = Compose(build, input);
        return _inner.Build(build, input);
    }

    public sealed override string ToOnnx(OnnxGraph graph, string x, Shape input) => _inner.ToOnnx(graph, x, input);

    public sealed override Tensor Forward(Tape tape, Tensor x) => _inner.Forward(tape, x);

    /// <summary>The input as an image, or what to throw.</summary>
    protected static Shape Image(LayerBuilder build, Shape input) => input.Rank == 3 && input.Length > 0 ? input : throw build.Misfit(input, "[channels, height, width]");
}
