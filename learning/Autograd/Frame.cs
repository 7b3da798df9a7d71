using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>What a node sees while it runs: its tensors, parameters and memory as views of the samples at hand. One object, reused.</summary>
public sealed class Frame
{
    private readonly Tape _tape;
    private View _arena;
    private MemoryPlan? _plan;
    private View _weights;
    private View _gradient;
    private Node _node = null!;
    private int _firstSample;
    private int _firstSegment;

    internal Frame(Tape tape)
    {
        _tape = tape;
        Segments = Segments.One(1);
    }

    public Device Device => _tape.Device;

    public bool IsTraining => _tape.IsTraining;

    /// <summary>The micro-batches at hand, by sample counts from 0.</summary>
    public Segments Segments { get; private set; }

    /// <summary>Samples at hand.</summary>
    public int Samples => Segments.Samples;

    /// <summary>The job's seed.</summary>
    public ulong Seed { get; internal set; }

    /// <summary>The global step.</summary>
    public long Step { get; internal set; }

    /// <summary>Samples of the whole step (1 in evaluation: losses are then summed).</summary>
    public int StepSamples { get; internal set; }

    /// <summary>Which terms of the objective this run differentiates.</summary>
    internal Terms Terms { get; set; }

    /// <summary>Whether layers add what they count besides the main loss.</summary>
    public bool CountsSides => Terms != Terms.Main;

    /// <summary>int [samples]: the data set index of each sample.</summary>
    public View SampleIndexes => Of(_tape.SampleIndexes);

    /// <summary>[samples, target shape]: int32 labels or float32 values.</summary>
    public View Target => Of(_tape.Target!);

    /// <summary>The step's figures: [0] loss, [1] correct, [3] weight; a loss adds to them.</summary>
    public View Metrics { get; internal set; }

    /// <summary>The current node's output value.</summary>
    public View Output => Of(_node.Output.Value!);

    /// <summary>The current node's output gradient, complete when its Backward runs; it may be overwritten then.</summary>
    public View OutputGradient => Of(_node.Output.Gradient!);

    /// <summary>The value of an input of the current node.</summary>
    public View Input(int index = 0) => Of(_node.Edges[index].Tensor.Root.Value!);

    /// <summary>Where the gradient of an input goes; absent when none is wanted.</summary>
    public View InputGradient(int index = 0)
    {
        var edge = _node.Edges[index];
        return edge.Part is { } part ? Of(part) : edge.Tensor.Root.Gradient is { } whole ? Of(whole) : View.None;
    }

    /// <summary>A parameter's values; absent for an absent parameter.</summary>
    public View Weights(Parameter? parameter) => parameter is null ? View.None : _weights.Part(parameter.Slice.Offset, parameter.Slice.Length);

    /// <summary>Where a parameter's gradient (or a moments slice's statistics) of the segments at hand goes; overwritten.</summary>
    public View Gradient(Parameter? parameter) => parameter is null ? View.None
        : Redirect is { } redirect ? redirect.Target(parameter)
        : _gradient.Part(parameter.Slice.Offset, parameter.Slice.Length);

    /// <summary>The node's own memory.</summary>
    public View Memory(Saved saved) => Of(saved.Region);

    /// <summary>1 / (samples of the step x <paramref name="rowsPerSample"/>), rounded once: what losses scale by.</summary>
    public float LossScale(int rowsPerSample) => (float)(1.0 / ((double)StepSamples * rowsPerSample));

    /// <summary>Set while a node runs one micro-batch at a time.</summary>
    internal SharedGradients? Redirect { get; set; }

    internal void Open(View arena, MemoryPlan plan, View weights, View gradient) =>
        (_arena, _plan, _weights, _gradient) = (arena, plan, weights, gradient);

    internal void Show(Node node) => _node = node;

    internal void Window(Segments segments, int firstSample, int firstSegment) =>
        (Segments, _firstSample, _firstSegment) = (segments, firstSample, firstSegment);

    internal View Of(Region region)
    {
        var (first, count) = region.Extent switch { Extent.Sample => (_firstSample, Segments.Samples), Extent.Segment => (_firstSegment, Segments.Count), _ => (0, 1) };
        return _arena.Part(_plan!.Offset(region) + first * region.Elements, count * region.Elements);
    }
}

/// <summary>Terms of what training lowers.</summary>
internal enum Terms
{
    /// <summary>All, in one gradient.</summary>
    All,

    /// <summary>The main loss, heads included: what takes its factor.</summary>
    Main,

    /// <summary>Layers' own terms.</summary>
    Sides,
}
