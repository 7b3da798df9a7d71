using System.Buffers.Binary;
using System.Text;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>What a worker process is asked for.</summary>
internal enum WorkerTaskKind : byte
{
    /// <summary>From now on it runs these stages, or the whole model; what it has under way is not wanted any more.</summary>
    Become = 1,

    /// <summary>The gradient of a node of a step.</summary>
    Gradient = 2,

    /// <summary>The sums of evaluation micro-batches after Step committed steps.</summary>
    Evaluate = 3,

    /// <summary>Micro-batches of a step through the stages.</summary>
    Forward = 4,

    /// <summary>The same micro-batches back.</summary>
    Backward = 5,

    /// <summary>An evaluation micro-batch through the stages.</summary>
    EvaluateStages = 6,

    /// <summary>To end.</summary>
    Leave = 7,

    /// <summary>As an answer only: its code threw, and the text says what.</summary>
    Failed = 8,
}

/// <summary>
/// One task of a worker process, or its answer, as the control bytes of one lane message, little-endian: version 0, kind 1, zero 2, stages of the pipeline 4, first 8 and count 12 of those it runs,
/// step 16, node 24 and 28, weights 32, activation 36, gradient 40, zero 44, sums of an evaluation 48 (loss, correct, samples, weight), text from 80 on.
/// The payload is the elements of what the lengths name, in their order.
/// </summary>
/// <param name="Stages">Of the pipeline; 0 = the whole model.</param>
/// <param name="Weights">Elements that come with the task: those of its stages, or of the model; 0: it has them.</param>
/// <param name="Activation">Elements of what goes in with the task, or comes out with the answer.</param>
/// <param name="Gradient">Elements that come with the answer.</param>
internal readonly record struct WorkerTask(WorkerTaskKind Kind, long Step, TreeNode Node, int Stages = 0, int First = 0, int Count = 0, int Weights = 0, int Activation = 0, int Gradient = 0)
{
    public const int Bytes = 80;
    private const byte Version = 1;

    /// <summary>Of an evaluation's answer.</summary>
    public EvaluationTotals Totals { get; init; }

    public void Write(Span<byte> control)
    {
        control[..Bytes].Clear();
        (control[0], control[1]) = (Version, (byte)Kind);
        BinaryPrimitives.WriteInt32LittleEndian(control[4..], Stages);
        BinaryPrimitives.WriteInt32LittleEndian(control[8..], First);
        BinaryPrimitives.WriteInt32LittleEndian(control[12..], Count);
        BinaryPrimitives.WriteInt64LittleEndian(control[16..], Step);
        BinaryPrimitives.WriteInt32LittleEndian(control[24..], Node.First);
        BinaryPrimitives.WriteInt32LittleEndian(control[28..], Node.Count);
        BinaryPrimitives.WriteInt32LittleEndian(control[32..], Weights);
        BinaryPrimitives.WriteInt32LittleEndian(control[36..], Activation);
        BinaryPrimitives.WriteInt32LittleEndian(control[40..], Gradient);
        BinaryPrimitives.WriteDoubleLittleEndian(control[48..], Totals.Loss);
        BinaryPrimitives.WriteInt64LittleEndian(control[56..], Totals.Correct);
        BinaryPrimitives.WriteInt64LittleEndian(control[64..], Totals.Samples);
        BinaryPrimitives.WriteDoubleLittleEndian(control[72..], Totals.Weight);
    }

    /// <summary>The answer that says what was thrown, cut to what a control part holds.</summary>
    public byte[] WithText(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        var control = new byte[Bytes + Math.Min(bytes.Length, LaneFrame.MaxControlBytes - Bytes)];
        Write(control);
        bytes.AsSpan(0, control.Length - Bytes).CopyTo(control.AsSpan(Bytes));
        return control;
    }

    /// <exception cref="LaneFormatException">Neither task nor answer.</exception>
    public static WorkerTask Read(ReadOnlySpan<byte> control)
    {
        if (control.Length < Bytes || control[0] != Version || control[1] is < (byte)WorkerTaskKind.Become or > (byte)WorkerTaskKind.Failed)
            throw new LaneFormatException($"a task has {control.Length} bytes of version {(control.Length > 0 ? control[0] : 0)}. It must have at least {Bytes} of version {Version}: run the same release on both sides.");
        var task = new WorkerTask((WorkerTaskKind)control[1], BinaryPrimitives.ReadInt64LittleEndian(control[16..]),
            new TreeNode(BinaryPrimitives.ReadInt32LittleEndian(control[24..]), BinaryPrimitives.ReadInt32LittleEndian(control[28..])),
            BinaryPrimitives.ReadInt32LittleEndian(control[4..]), BinaryPrimitives.ReadInt32LittleEndian(control[8..]), BinaryPrimitives.ReadInt32LittleEndian(control[12..]),
            BinaryPrimitives.ReadInt32LittleEndian(control[32..]), BinaryPrimitives.ReadInt32LittleEndian(control[36..]), BinaryPrimitives.ReadInt32LittleEndian(control[40..]))
        {
            Totals = new EvaluationTotals(BinaryPrimitives.ReadDoubleLittleEndian(control[48..]), BinaryPrimitives.ReadInt64LittleEndian(control[56..]),
                BinaryPrimitives.ReadInt64LittleEndian(control[64..]), BinaryPrimitives.ReadDoubleLittleEndian(control[72..])),
        };
        if (task.Weights < 0 || task.Activation < 0 || task.Gradient < 0) throw new LaneFormatException($"a {task.Kind} task announces {task.Weights} weights, {task.Activation} elements of activation and {task.Gradient} of gradient. None may be below 0.");
        return task;
    }

    public static string TextOf(ReadOnlySpan<byte> control) => Encoding.UTF8.GetString(control[Bytes..]);
}
