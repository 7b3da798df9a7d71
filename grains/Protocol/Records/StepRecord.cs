using System.Buffers.Binary;

namespace DistTrain.Protocol;

/// <summary>What is known of a committed training step; a pure function of the plan, the controls and the step.</summary>
public readonly record struct StepRecord
{
    public long Step { get; init; }
    public int Epoch { get; init; }

    /// <summary>Mean loss over the step's samples, as the gradient tree summed it.</summary>
    public double Loss { get; init; }

    /// <summary>Correct predictions, where the loss counts them.</summary>
    public double Correct { get; init; }

    public int Samples { get; init; }

    /// <summary>Global norm before clipping.</summary>
    public double Norm { get; init; }

    /// <summary>What every gradient element was multiplied by; 1 when not clipped.</summary>
    public float Coefficient { get; init; }

    public double LearningRate { get; init; }

    /// <summary>Committed without an update: the gradient was not finite.</summary>
    public bool Skipped { get; init; }

    /// <summary>Of its bytes: <see cref="LogEntry.Write"/>.</summary>
    internal const int Bytes = 1 + 8 + 4 + 8 + 8 + 4 + 8 + 4 + 8 + 1;

    // Little endian, fields in the order above: the loss log's digest is over these bytes.
    internal void Write(Span<byte> to)
    {
        to[0] = (byte)'S';
        BinaryPrimitives.WriteInt64LittleEndian(to[1..], Step);
        BinaryPrimitives.WriteInt32LittleEndian(to[9..], Epoch);
        BinaryPrimitives.WriteDoubleLittleEndian(to[13..], Loss);
        BinaryPrimitives.WriteDoubleLittleEndian(to[21..], Correct);
        BinaryPrimitives.WriteInt32LittleEndian(to[29..], Samples);
        BinaryPrimitives.WriteDoubleLittleEndian(to[33..], Norm);
        BinaryPrimitives.WriteSingleLittleEndian(to[41..], Coefficient);
        BinaryPrimitives.WriteDoubleLittleEndian(to[45..], LearningRate);
        to[53] = Skipped ? (byte)1 : (byte)0;
    }

    internal static StepRecord Read(ReadOnlySpan<byte> from) => new()
    {
        Step = BinaryPrimitives.ReadInt64LittleEndian(from[1..]), Epoch = BinaryPrimitives.ReadInt32LittleEndian(from[9..]), Loss = BinaryPrimitives.ReadDoubleLittleEndian(from[13..]),
        Correct = BinaryPrimitives.ReadDoubleLittleEndian(from[21..]), Samples = BinaryPrimitives.ReadInt32LittleEndian(from[29..]), Norm = BinaryPrimitives.ReadDoubleLittleEndian(from[33..]),
        Coefficient = BinaryPrimitives.ReadSingleLittleEndian(from[41..]), LearningRate = BinaryPrimitives.ReadDoubleLittleEndian(from[45..]), Skipped = from[53] != 0,
    };
}

/// <summary>Sums over samples, folded in the evaluation's tree.</summary>
/// <param name="Weight">Sum of the weights of a loss that has weights of its own; only on the way: a committed record is finished and has 0.</param>
public readonly record struct EvaluationTotals(double Loss, long Correct, long Samples, double Weight = 0)
{
    public static EvaluationTotals operator +(EvaluationTotals left, EvaluationTotals right) =>
        new(left.Loss + right.Loss, left.Correct + right.Correct, left.Samples + right.Samples, left.Weight + right.Weight);

    /// <summary>With the loss that <paramref name="rule"/> makes of the sums, times the samples, so that the mean is that loss.</summary>
    public EvaluationTotals Finished(IStepRule rule)
    {
        if (Samples == 0) return this;
        var before = Weight > 0 ? Loss : Loss / Samples;
        var (loss, _) = rule.Finish(before, Weight);
        return this with { Loss = loss == before && Weight == 0 ? Loss : loss * Samples, Correct = Correct / rule.LabelsPerSample, Weight = 0 };
    }
}

/// <summary>What is known of a committed evaluation of the weights after <paramref name="Step"/> steps.</summary>
public readonly record struct EvaluationRecord(long Step, EvaluationTotals Totals)
{
    public double MeanLoss => Totals.Samples > 0 ? Totals.Loss / Totals.Samples : double.NaN;
    public double Accuracy => Totals.Samples > 0 ? (double)Totals.Correct / Totals.Samples : double.NaN;

    internal const int Bytes = 1 + 8 + 8 + 8 + 8;

    internal void Write(Span<byte> to)
    {
        to[0] = (byte)'E';
        BinaryPrimitives.WriteInt64LittleEndian(to[1..], Step);
        BinaryPrimitives.WriteDoubleLittleEndian(to[9..], Totals.Loss);
        BinaryPrimitives.WriteInt64LittleEndian(to[17..], Totals.Correct);
        BinaryPrimitives.WriteInt64LittleEndian(to[25..], Totals.Samples);
    }

    internal static EvaluationRecord Read(ReadOnlySpan<byte> from) => new(BinaryPrimitives.ReadInt64LittleEndian(from[1..]),
        new EvaluationTotals(BinaryPrimitives.ReadDoubleLittleEndian(from[9..]), BinaryPrimitives.ReadInt64LittleEndian(from[17..]), BinaryPrimitives.ReadInt64LittleEndian(from[25..])));
}
