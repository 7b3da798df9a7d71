using DistTrain.Contracts;
using DistTrain.Grains.Wire;
using MessagePack;

namespace DistTrain.Cluster.Tests.Wire;

/// <summary>The bytes of every contract type, fixed: a change here is a change of the wire, and needs a line in the changelog.</summary>
public sealed class ContractFormatTests
{
    private static readonly DateTimeOffset _noon = new(2026, 11, 20, 12, 0, 0, TimeSpan.Zero);

    private static readonly Dictionary<Type, object> _samples = new()
    {
        [typeof(JobStatus)] = new JobStatus
        {
            Job = "digits-1", Name = "digits", State = JobStates.Running, Reason = "r", Step = 412, TotalSteps = 1_000, StepsPerEpoch = 100, TrainLoss = 0.25, TestLoss = 0.5, TestAccuracy = 0.75,
            BestTestLoss = 0.5, BestTestLossStep = 400, SamplesPerSecond = 2, Workers = 3, Shards = 2, MicroBatches = 8, Incarnation = 1, Submitted = _noon, Seconds = 4, Verdict = "learning",
            WeightsSha256 = "w", StateSha256 = "s", LossLogSha256 = "l", Checkpoint = "c",
        },
        [typeof(JobSubmission)] = new JobSubmission("id", "kind: TrainingJob", ["optimizer.lr=0.1"]),
        [typeof(MetricPoint)] = new MetricPoint { Sequence = 3, Kind = "step", Step = 3, Epoch = 0.5, Seconds = 1, Loss = 2, Accuracy = 0.5, Samples = 64, LearningRate = 0.125, GradientNorm = 4, ClippedNorm = 1, Values = new Dictionary<string, double> { ["layer/0/gradNorm"] = 0.5 } },
        [typeof(TrainingEvent)] = new TrainingEvent(7, _noon, 12, "workerJoined", "info", "worker 3 joined"),
        [typeof(WaitReport)] = new WaitReport("job", "leases", "worker 3", 0.5, double.PositiveInfinity, "t"),
        [typeof(CheckpointReport)] = new CheckpointReport(100, 0.5, double.NaN, _noon, 4096, "m.json"),
        [typeof(JobMembers)] = new JobMembers([new WorkerReport { Number = 1, Name = "w", State = "working" }], [new ShardReport(0, "a", "b", 5, 100)]),
        [typeof(WorkerReport)] = new WorkerReport { Number = 1, Name = "w", Node = "n", Device = "cpu", State = "working", Lease = "step 3", ComputeSeconds = 1, PushSeconds = 2, PullSeconds = 3, WaitSeconds = 4, ServeSeconds = 5, MicroBatches = 6, BytesSent = 7, BytesReceived = 8 },
        [typeof(ShardReport)] = new ShardReport(0, "a", "b", 5, 100),
        [typeof(Verdict)] = new Verdict("learning", "learning", VerdictSeverity.Ok, "s", 0.5, [new VerdictEvidence("slope", -1, "e")], ["a"], new StepWindow(1, 9), [new AlsoFound("f", VerdictSeverity.Warn, "s")], ["r"], [new SkippedCheck("k", "w")]),
        [typeof(VerdictEvidence)] = new VerdictEvidence("slope", -1, "e"),
        [typeof(AlsoFound)] = new AlsoFound("f", VerdictSeverity.Warn, "s"),
        [typeof(SkippedCheck)] = new SkippedCheck("k", "w"),
    };

    public static TheoryData<Type> Types() => new(WireFormat.Types);

    [Theory, MemberData(nameof(Types))]
    public void A_contract_type_has_its_golden_bytes(Type type) =>
        GoldenBytes.Check("contracts.txt", type.Name, MessagePackSerializer.Serialize(type, _samples[type], WireFormat.Options));

    [Theory, MemberData(nameof(Types))]
    public void A_contract_type_comes_back_whole(Type type)
    {
        var first = MessagePackSerializer.Serialize(type, _samples[type], WireFormat.Options);
        var back = MessagePackSerializer.Deserialize(type, first, WireFormat.Options);
        Assert.Equal(first, MessagePackSerializer.Serialize(type, back, WireFormat.Options));
        Assert.Equivalent(_samples[type], back);
    }

    [Theory, MemberData(nameof(Types))]
    public void A_newer_sender_is_understood(Type type)
    {
        var bytes = MessagePackSerializer.Serialize(type, _samples[type], WireFormat.Options);
        var reader = new MessagePackReader(bytes);
        var fields = reader.ReadArrayHeader();
        var body = bytes.AsSpan((int)reader.Consumed);
        byte[] newer = [0xDC, (byte)((fields + 1) >> 8), (byte)(fields + 1), .. body, 0xC3];
        Assert.Equivalent(_samples[type], MessagePackSerializer.Deserialize(type, newer, WireFormat.Options));
    }

    [Theory, MemberData(nameof(Types))]
    public void An_older_sender_is_refused_by_name(Type type)
    {
        var error = Assert.Throws<MessagePackSerializationException>(() => MessagePackSerializer.Deserialize(type, new byte[] { 0x91, 0xA1, 0x61 }, WireFormat.Options));
        Assert.Contains("1 fields; it must have at least", error.ToString(), StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Types))]
    public void Damaged_bytes_end_in_an_error_and_nothing_else(Type type)
    {
        var bytes = MessagePackSerializer.Serialize(type, _samples[type], WireFormat.Options);
        for (var cut = 0; cut < bytes.Length; cut++) Assert.ThrowsAny<MessagePackSerializationException>(() => MessagePackSerializer.Deserialize(type, bytes.AsMemory(0, cut), WireFormat.Options));
        for (var at = 0; at < bytes.Length; at++)
        {
            var damaged = bytes.ToArray();
            damaged[at] ^= 0xFF;
            try
            {
                MessagePackSerializer.Deserialize(type, damaged, WireFormat.Options);
            }
            catch (MessagePackSerializationException)
            {
                // Refused, as it should be; a text or number may also have become another one.
            }
        }
    }

    [Fact]
    public void A_list_that_announces_a_billion_items_allocates_nothing_for_them()
    {
        byte[] bytes = [0x93, 0xA1, 0x61, 0xA1, 0x62, 0xDD, 0x3B, 0x9A, 0xCA, 0x00];
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<MessagePackSerializationException>(() => MessagePackSerializer.Deserialize<JobSubmission>(bytes, WireFormat.Options));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }
}
