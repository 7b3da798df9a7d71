using System.Collections.Immutable;
using System.Reflection;
using DistTrain.Contracts;
using DistTrain.Grains;
using DistTrain.Grains.Wire;
using DistTrain.Protocol;
using DistTrain.Training;
using MessagePack;

namespace DistTrain.Cluster.Tests.Wire;

/// <summary>The bytes of a control message of every kind, fixed: a change here is a change of the wire, and needs a line in the changelog.</summary>
public sealed class ControlFormatTests
{
    private static readonly NodeAddress _node = new("127.0.0.1:11111@1", "127.0.0.1:7420");
    private static readonly StepRecord _step = new() { Step = 6, Epoch = 1, Loss = 0.5, Correct = 12, Samples = 64, Norm = 2, Coefficient = 0.5f, LearningRate = 0.125 };
    private static readonly EvaluationRecord _evaluation = new(7, new EvaluationTotals(1.5, 90, 100));
    private static readonly CheckpointManifest _manifest = new(new CheckpointName(7, 2), new JobPosition(7, 6, LogDigest.Parse(new string('1', 64)), 8, _evaluation) { Trend = new EvaluationTrend { Scale = 0.5, Best = 0.25, Bad = 1, Cooldown = 2, StopBest = 0.125, StopBad = 3 } },
        [new CheckpointFile("shard-0", 4096, "ab")], [new LogEntry(_step), new LogEntry(_evaluation)], CheckpointName.Initial);

    /// <summary>Kinds that pass between nodes as control.</summary>
    public static TheoryData<MessageKind> Kinds() => new(Enum.GetValues<MessageKind>().Where(k => k < MessageKind.Start && k != MessageKind.Tick && !ControlPayload.IsTensor(k)));

    [Theory, MemberData(nameof(Kinds))]
    public void A_control_message_has_its_golden_bytes(MessageKind kind) => GoldenBytes.Check("control.txt", kind.ToString(), ControlFormat.Write(Sample(kind)).Bytes);

    [Theory, MemberData(nameof(Kinds))]
    public void A_control_message_comes_back_whole(MessageKind kind)
    {
        var sent = Sample(kind);
        var frame = ControlFormat.Write(sent);
        var back = ControlFormat.ReadMessage(frame);
        Assert.Equal(frame.Bytes, ControlFormat.Write(back).Bytes);
        Assert.Equal(sent.Message.ToString(), back.Message.ToString());
        Assert.Equal(sent.Message.Open.Scalars.Count, back.Message.Open.Scalars.Count);
        Assert.Equal(sent.Message.Open.Last, back.Message.Open.Last);
        Assert.Equal(sent.Message.Totals, back.Message.Totals);
        Assert.Equal(sent.Message.Placement?.ToString(), back.Message.Placement?.ToString());
        Assert.Equivalent(sent.Message.Payload, back.Message.Payload);
        Assert.Equal(sent.Seats.AsEnumerable(), back.Seats.AsEnumerable());
        Assert.Equivalent(sent.Report, back.Report);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Damaged_bytes_of_a_control_message_end_in_a_refusal_and_nothing_else(MessageKind kind)
    {
        var bytes = ControlFormat.Write(Sample(kind)).Bytes;
        for (var cut = 0; cut < bytes.Length; cut++) Assert.ThrowsAny<MessagePackSerializationException>(() => ControlFormat.ReadMessage(new ControlFrame(bytes[..cut])));
        for (var at = 0; at < bytes.Length; at++)
        {
            var damaged = bytes.ToArray();
            damaged[at] ^= 0xFF;
            try
            {
                ControlFormat.ReadMessage(new ControlFrame(damaged));
            }
            catch (Exception refused) when (refused is MessagePackSerializationException or InvalidOperationException)
            {
                // Refused by name; a number may also have become another one, which the machines judge.
            }
        }
    }

    [Theory, InlineData(MessageKind.Push), InlineData(MessageKind.Weights), InlineData(MessageKind.Mirror), InlineData(MessageKind.State)]
    public void A_message_that_carries_a_tensor_cannot_be_written(MessageKind kind) =>
        Assert.Contains("lane", Assert.Throws<InvalidOperationException>(() => ControlFormat.Write(Sample(kind))).Message, StringComparison.Ordinal);

    [Theory, InlineData(typeof(float[])), InlineData(typeof(double[])), InlineData(typeof(byte[])), InlineData(typeof(Half[]))]
    public void A_control_message_with_an_array_of_numbers_for_a_payload_cannot_be_written(Type array) =>
        Assert.Throws<InvalidOperationException>(() => ControlFormat.Write(Sample(MessageKind.Reduced) with { Message = new Message { Kind = MessageKind.Reduced, Payload = Array.CreateInstance(array.GetElementType()!, 4) } }));

    /// <summary>A field that is added to one of these and not to its formatter would be lost on the way in silence.</summary>
    [Theory]
    [InlineData(typeof(Message), 16), InlineData(typeof(OpenStep), 10), InlineData(typeof(StepRecord), 9), InlineData(typeof(EvaluationTotals), 4), InlineData(typeof(EvaluationRecord), 4)]
    [InlineData(typeof(ReducedFigures), 9), InlineData(typeof(JobPosition), 6), InlineData(typeof(EvaluationTrend), 6), InlineData(typeof(CheckpointManifest), 5), InlineData(typeof(RestoreFrom), 2)]
    [InlineData(typeof(WorkerHello), 2), InlineData(typeof(PlanIdentity), 3), InlineData(typeof(CrewMember), 4), InlineData(typeof(Control), 4), InlineData(typeof(CheckpointFile), 3), InlineData(typeof(ControlMessage), 5)]
    [InlineData(typeof(MemberReport), 4), InlineData(typeof(SeatReport), 5), InlineData(typeof(JobStatus), 24), InlineData(typeof(MetricPoint), 12), InlineData(typeof(TrainingEvent), 6), InlineData(typeof(WorkerReport), 14)]
    public void Every_field_of_a_type_is_on_the_wire(Type type, int fields) => Assert.Equal(fields, type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Length);

    [Fact]
    public void An_order_has_its_golden_bytes_and_comes_back_whole()
    {
        var order = new JobOrder("digits-0011aabb", "{}", _node);
        GoldenBytes.Check("control.txt", nameof(JobOrder), ControlFormat.Write(order).Bytes);
        Assert.Equal(order, ControlFormat.ReadOrder(ControlFormat.Write(order)));
    }

    [Fact]
    public void A_frame_longer_than_its_bound_is_refused_unread() =>
        Assert.Contains("must be 1 to", Assert.Throws<MessagePackSerializationException>(() => ControlFormat.ReadMessage(new ControlFrame(new byte[ControlFrame.MaxBytes + 1]))).Message, StringComparison.Ordinal);

    private static ControlMessage Sample(MessageKind kind) => new()
    {
        Job = "digits-0011aabb", From = _node, Seats = [new SeatPlace(3, _node)],
        Report = kind == MessageKind.None ? new MemberReport([new WorkerReport { Number = 1, Name = "w", State = "working" }], [new SeatReport(3, 0, true, 7, 100)], [new WaitReport("job", "leases", "worker 1", 1, 2, "t")], ["a warning"]) : null,
        Message = new Message
        {
            Kind = kind, From = Address.Worker(5), To = Address.Job, Job = 0x0123456789ABCDEF, Incarnation = 2, Step = 7, Node = new TreeNode(4, 2), Lease = 9, Digest = 0xFEDCBA9876543210,
            Verdict = Protocol.Verdict.Accepted, Flag = true, Text = "text", Totals = kind == MessageKind.Evaluated ? _evaluation.Totals with { Weight = 2 } : default,
            Placement = kind is MessageKind.Welcome or MessageKind.Lease or MessageKind.Adopt ? new Protocol.Placement([new ShardSeats(1, 2), new ShardSeats(3, ShardSeats.None)]) : null,
            Open = kind is MessageKind.Lease or MessageKind.OpenStep or MessageKind.Pull
                ? new OpenStep { Kind = StepKind.Train, Step = 7, Update = 7, LearningRate = 0.125, ClipNorm = 1, Scalars = new StepScalars([0.125f, 0.9f]), Last = new Decision(_step), LastEvaluation = _evaluation, Save = true }
                : default,
            Payload = kind switch
            {
                MessageKind.Join => new WorkerHello("w", new PlanIdentity("s", "m", "d")),
                MessageKind.Lease => new Crew([new CrewMember(5, 0, 1, _node.ToText()), new CrewMember(6, 1, 2)]),
                MessageKind.Adopted => new[] { new LogEntry(_step), new LogEntry(_evaluation) },
                MessageKind.Adopt => ImmutableArray.Create(new Branch(2, 5)),
                MessageKind.Restore => new RestoreFrom(_manifest.Name, _manifest),
                MessageKind.Reduced => new ReducedFigures { Squares = [1, 2, 4], HasLoss = true, Loss = 0.5, Correct = 12, Weight = 3, Updates = [0.5], Weights = [8], Sides = [0.25], Cross = [-1] },
                MessageKind.Saved => new CheckpointFile("shard-0", 4096, "ab"),
                MessageKind.Control or MessageKind.ControlAnswer => new Control("c", ControlKind.Stop, 0, 8),
                _ => null,
            },
        },
    };
}
