using DistTrain.Protocol;
using DistTrain.Training;

namespace DistTrain.Tests.Training.Nodes;

/// <summary>What goes over the control wire, what goes over the lane, and the register that nodes share.</summary>
public sealed class WireTests
{
    [Theory]
    [InlineData(MessageKind.Push)]
    [InlineData(MessageKind.Weights)]
    [InlineData(MessageKind.Mirror)]
    [InlineData(MessageKind.State)]
    [InlineData(MessageKind.Activation)]
    [InlineData(MessageKind.ActivationGradient)]
    public void A_tensor_on_the_control_wire_is_refused_by_name(MessageKind kind)
    {
        var message = new Message { Kind = kind, From = Address.Worker(3), To = Address.Seat(1), Payload = new float[4] };
        Assert.Contains($"a {kind} message of worker 3 is given to the control wire. Tensors go over the lane.", Assert.Throws<InvalidOperationException>(() => ControlPayload.Check(message)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Whatever_carries_something_else_than_its_kind_does_is_refused()
    {
        foreach (var kind in Enum.GetValues<MessageKind>().Where(k => !ControlPayload.IsTensor(k)))
        {
            var carrying = new Message { Kind = kind, From = Address.Worker(3), To = Address.Job, Payload = new float[4] };
            Assert.Throws<InvalidOperationException>(() => ControlPayload.Check(carrying));
        }
        var ofHost = new Message { Kind = MessageKind.Computed, From = Address.Host, To = Address.Worker(3) };
        Assert.Contains("between a machine and its own host", Assert.Throws<InvalidOperationException>(() => ControlPayload.Check(ofHost)).Message, StringComparison.Ordinal);
        ControlPayload.Check(new Message { Kind = MessageKind.Reduced, Payload = new ReducedFigures() });
    }

    [Fact]
    public void The_head_of_a_tensor_and_its_records_come_back_as_they_went()
    {
        var message = new Message
        {
            Kind = MessageKind.State, From = Address.Seat(int.MaxValue), To = Address.Seat(7), Job = ulong.MaxValue - 3, Incarnation = 1L << 40, Step = 1L << 41, Node = new TreeNode(5, 3), Lease = -2, Digest = 0x0123456789ABCDEF,
        };
        Span<byte> bytes = stackalloc byte[TensorHead.Bytes];
        TensorHead.Of(message, 2).Write(bytes);
        var head = TensorHead.Read(bytes);
        Assert.Equal(TensorHead.Of(message, 2), head);
        Assert.Equal((message.From, message.To, message.Node, message.Digest), (head.ToMessage("x").From, head.ToMessage("x").To, head.ToMessage("x").Node, head.ToMessage("x").Digest));

        LogEntry[] log =
        [
            new(new StepRecord { Step = 41, Epoch = 3, Loss = 0.1, Correct = 12, Samples = 32, Norm = double.NaN, Coefficient = 0.5f, LearningRate = 1e-3, Skipped = true }),
            new(new EvaluationRecord(42, new EvaluationTotals(-1.5, 60, 70))),
        ];
        var elements = new float[log.Length * TensorHead.EntryElements];
        TensorHead.WriteLog(log, elements);
        var read = TensorHead.ReadLog(elements);
        // The digest is over every field.
        Assert.Equal(log.Aggregate(default(LogDigest), (d, e) => e.AddTo(d)), read.Aggregate(default(LogDigest), (d, e) => e.AddTo(d)));

        bytes[1] = (byte)MessageKind.Lease;
        var wrong = bytes.ToArray();
        Assert.Contains("It must carry a tensor", Assert.Throws<LaneFormatException>(() => TensorHead.Read(wrong)).Message, StringComparison.Ordinal);
        Assert.Throws<LaneFormatException>(() => TensorHead.Read(wrong.AsSpan(1)));
    }

    [Fact]
    public void Of_writers_with_one_revision_in_hand_one_wins()
    {
        var folder = Directory.CreateTempSubdirectory("disttrain-register-").FullName;
        try
        {
            var registers = Enumerable.Range(0, 4).Select(_ => new FolderRegister(folder)).ToArray();
            Assert.Null(registers[0].Read());
            var expected = -1L;
            for (var round = 0; round < 10; round++)
            {
                var records = registers.Select((_, i) => new RegisterRecord { Revision = expected + 1, Holder = (ulong)(round * 10 + i), Incarnation = round + 1 }).ToArray();
                var found = new RegisterRecord?[registers.Length];
                var threads = registers.Select((register, i) => new Thread(() => found[i] = register.Write(records[i], expected))).ToArray();
                foreach (var thread in threads) thread.Start();
                foreach (var thread in threads) thread.Join();
                var winner = Assert.Single(records, r => found.Any(f => ReferenceEquals(f, r)));
                Assert.All(found, f => Assert.Equal(winner.Holder, f!.Holder));
                expected++;
            }
            // Who slept through all of it is told what is there now.
            var late = new RegisterRecord { Revision = 1, Holder = 999 };
            Assert.NotEqual(999ul, registers[0].Write(late, 0)!.Holder);
            Assert.Equal(9, new FolderRegister(folder).Read()!.Revision);
            Assert.Equal(2, Directory.GetFiles(folder).Length);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
