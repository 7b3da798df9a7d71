using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <param name="Dropout">Probability of dropping a weight behind the softmax.</param>
/// <param name="HidesPadding">Keys whose token is <see cref="AttentionShape.Padding"/> are not seen: the tokens are the tape's input.</param>
/// <param name="Path">Of the layer: the dropout's stream.</param>
internal readonly record struct AttentionRules(float Dropout, bool HidesPadding, string Path);

/// <summary>What attention nodes share: the weights between softmax and values, dropped ones, and the tokens that tell padding. The tokens are the node's last input.</summary>
internal abstract class AttendingNode : Node
{
    private readonly IAttention _attention;
    private readonly IDropout _dropout;
    private readonly AttentionRules _rules;
    private readonly Saved _weights;
    private readonly Saved? _keep;
    private readonly ulong _stream;
    private readonly uint _use;
    private readonly int _tokens;

    protected AttendingNode(Tape tape, IReadOnlyList<Tensor> inputs, AttentionShape shape, AttentionRules rules, params ReadOnlySpan<Parameter?> parameters)
        : base(tape, rules.HidesPadding ? [.. inputs, tape.Input] : [.. inputs], new Shape(shape.Steps, shape.RowLength), parameters)
    {
        (_attention, _dropout, Vector, Shape, _rules, _tokens) = (tape.Device.Op<IAttention>(), tape.Device.Op<IDropout>(), tape.Device.Op<IVector>(), shape, rules, rules.HidesPadding ? inputs.Count : -1);
        _weights = Save(Count);
        if (!tape.IsTraining || rules.Dropout == 0) return;
        _keep = Save(Count);
        (_stream, _use) = (RandomKey.HashPath(rules.Path), (uint)tape.NextUse(rules.Path));
    }

    public override NodeField? FieldOf(int input) => null;

    // Scores and values.
    public override long MultiplyAdds => 2L * Shape.Steps * Shape.KeySteps * Shape.RowLength;

    // A causal query has the keys up to its own.
    public override long LeastMultiplyAdds => Shape.Causal ? MultiplyAdds - (long)Shape.Steps * (Shape.KeySteps - 1) * Shape.RowLength : MultiplyAdds;

    public override string Place => _rules.Path;

    protected IVector Vector { get; }

    protected AttentionShape Shape { get; }

    private int Count => Shape.Heads * Shape.Steps * Shape.KeySteps;

    /// <summary>Writes the output.</summary>
    protected void Attend(Frame frame, AttentionOperands x)
    {
        if (_keep is { } keep)
        {
            var drawn = frame.Memory(keep);
            Vector.Fill(drawn, 1f);
            _dropout.Apply(RandomKey.Of(frame.Seed, (ulong)frame.Step, _stream, _use), _rules.Dropout, Count, frame.SampleIndexes, drawn, drawn);
            x = x with { Keep = drawn };
        }
        if (_tokens >= 0) x = x with { Tokens = frame.Input(_tokens) };
        _attention.Forward(Shape, frame.Samples, x, frame.Output, frame.Memory(_weights));
    }

    /// <summary>Writes the gradients of q, k and v; tokens have none.</summary>
    protected void Differentiate(Frame frame, AttentionOperands x, AttentionOperands dx)
    {
        if (_keep is { } keep) x = x with { Keep = frame.Memory(keep) };
        if (_tokens >= 0 && frame.InputGradient(_tokens) is { IsNone: false } none) Vector.Fill(none, 0f);
        _attention.Backward(Shape, frame.Samples, x, frame.Memory(_weights), frame.OutputGradient, dx);
    }
}
