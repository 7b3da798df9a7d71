namespace DistTrain.Learning;

/// <summary>A value that layers pass on: one array for each sample of a batch, whatever the batch. Its memory is planned when the tape is laid out.</summary>
public sealed class Tensor
{
    internal Tensor(Shape shape, Node? producer, bool needsGradient)
    {
        (Shape, Producer, NeedsGradient) = (shape, producer, needsGradient);
        Root = this;
    }

    private Tensor(Shape shape, Tensor root)
    {
        (Shape, Producer, NeedsGradient, Root) = (shape, root.Producer, root.NeedsGradient, root.Root);
    }

    /// <summary>One sample's axes, without the batch axis.</summary>
    public Shape Shape { get; }

    /// <summary>Whether some parameter lies upstream: the first layer's input needs no gradient, and none is computed.</summary>
    public bool NeedsGradient { get; }

    /// <summary>The node that writes it; null for the network's input.</summary>
    internal Node? Producer { get; }

    /// <summary>The tensor whose memory this one shares (itself, but for reshapes).</summary>
    internal Tensor Root { get; }

    internal Region? Value { get; set; }

    internal Region? Gradient { get; set; }

    /// <summary>Inputs of nodes that read this tensor's memory, in tape order.</summary>
    internal List<Edge> Consumers { get; } = [];

    /// <summary>The same elements with other axes; no copy is made, forward or backward.</summary>
    /// <exception cref="ArgumentException">The element counts differ.</exception>
    public Tensor Reshape(Shape shape) => shape.Length == Shape.Length ? new Tensor(shape, Root)
        : throw new ArgumentException($"a tensor of {Shape} ({Shape.Length} elements) cannot be read as {shape} ({shape.Length} elements); the counts must be equal.", nameof(shape));
}

/// <summary>One input of one node.</summary>
internal sealed class Edge(Node node, Tensor tensor)
{
    public Node Node { get; } = node;

    public Tensor Tensor { get; } = tensor;

    /// <summary>Where the node writes its part of the gradient; null when the tensor's own gradient takes it directly.</summary>
    public Region? Part { get; set; }
}
