namespace DistTrain.Learning;

/// <summary>One recorded operation: reads its inputs and parameters, writes its output; backward, the gradients of both. Written in the layer's file.</summary>
/// <remarks>A node works on whatever samples and segments its <see cref="Frame"/> shows: the same code runs a lease as one batch, or one micro-batch of it.</remarks>
public abstract class Node
{
    private readonly Tape _tape;
    private readonly Edge[] _edges;
    private readonly List<Saved> _memory = [];

    /// <param name="tape">Where it is recorded.</param>
    /// <param name="inputs">Read forward.</param>
    /// <param name="output">One sample's output shape.</param>
    /// <param name="parameters">Used by this node; null entries (no bias) are dropped.</param>
    protected Node(Tape tape, ReadOnlySpan<Tensor> inputs, Shape output, params ReadOnlySpan<Parameter?> parameters)
    {
        _tape = tape;
        _edges = new Edge[inputs.Length];
        for (var i = 0; i < inputs.Length; i++) _edges[i] = new Edge(this, inputs[i]);
        var used = new List<Parameter>();
        foreach (var parameter in parameters)
            if (parameter is not null) used.Add(parameter);
        Parameters = [.. used];
        var upstream = Parameters.Length > 0;
        foreach (var input in inputs) upstream |= input.NeedsGradient;
        Output = new Tensor(output, this, upstream);
    }

    /// <summary>What the node writes.</summary>
    public Tensor Output { get; }

    /// <summary>Whether Backward reads the inputs' values: their memory then lives until it has run.</summary>
    public virtual bool ReadsInputs => true;

    /// <summary>Whether Backward reads the output's value.</summary>
    public virtual bool ReadsOutput => false;

    /// <summary>Element i of output 0 depends on element i of input 0 alone, and Forward and Backward may each write over what they read.</summary>
    public virtual bool InPlace => false;

    /// <summary>Multiply-adds of one sample's forward run; backward has twice as many where both gradients are wanted. 0 where they are few beside the memory that is moved.</summary>
    public virtual long MultiplyAdds => 0;

    /// <summary>What of <see cref="MultiplyAdds"/> has to be done: without those whose result is known before, as what a causal mask hides.</summary>
    public virtual long LeastMultiplyAdds => MultiplyAdds;

    /// <summary>Path of the layer that the node counts with; null: of the one that has its first parameter. A node with multiply-adds has one of both.</summary>
    public virtual string? Place => Parameters.Length > 0 ? Parameters[0].Name[..Math.Max(0, Parameters[0].Name.LastIndexOf('.'))] : null;

    /// <summary>Where the outputs look in one of the inputs; null: values tell, or it is not defined. Normalizations are taken as looking at one place.</summary>
    public virtual NodeField? FieldOf(int input) => NodeField.Same;

    internal ReadOnlySpan<Edge> Edges => _edges;

    internal Parameter[] Parameters { get; }

    internal IReadOnlyList<Saved> OwnMemory => _memory;

    /// <summary>Some parameter of this node is used elsewhere too: it runs one micro-batch at a time.</summary>
    internal bool BySegment { get; set; }

    /// <summary>The loss reaches the output, so Backward runs.</summary>
    internal bool RunsBackward { get; set; }

    /// <summary>Writes Output.</summary>
    public abstract void Forward(Frame frame);

    /// <summary>Overwrites the gradients of inputs that need one and of all parameters.</summary>
    public abstract void Backward(Frame frame);

    /// <summary>Memory of <paramref name="elements"/> for each sample, kept for Backward.</summary>
    protected Saved Save(int elements) => Own(Extent.Sample, elements, kept: true);

    /// <summary>Memory of <paramref name="elements"/> for each micro-batch, kept for Backward.</summary>
    protected Saved SavePerSegment(int elements) => Own(Extent.Segment, elements, kept: true);

    /// <summary>Memory of <paramref name="elements"/> for each sample that holds nothing between runs.</summary>
    protected Saved Scratch(int elements) => Own(Extent.Sample, elements, kept: false);

    /// <summary>Memory of <paramref name="elements"/> in all, whatever the batch, that holds nothing between runs: for weights that are changed before they are used.</summary>
    protected Saved ScratchOnce(int elements) => Own(Extent.Batch, elements, kept: false);

    private Saved Own(Extent extent, int elements, bool kept)
    {
        var saved = new Saved(_tape.NewRegion(extent, elements), kept);
        _memory.Add(saved);
        return saved;
    }
}
