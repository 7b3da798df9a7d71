using DistTrain.Contracts;
using DistTrain.Grains.Wire;
using MessagePack;

namespace DistTrain.Cluster.Tests;

public sealed class WireFormatTests
{
    private static readonly JobStatus Sample = new() { Job = "digits-1", Name = "digits", State = JobStates.Running, Step = 412, TotalSteps = 1_000, TrainLoss = 0.25, TestLoss = 0.5, Workers = 3 };

    [Fact]
    public void A_job_status_has_these_bytes() =>
        Assert.Equal("97A86469676974732D31A772756E6E696E67CD019CCD03E8CB3FD0000000000000CB3FE000000000000003", Convert.ToHexString(MessagePackSerializer.Serialize(Sample, WireFormat.Options)));

    [Fact]
    public void A_job_status_comes_back_whole() =>
        Assert.Equal(Sample, MessagePackSerializer.Deserialize<JobStatus>(MessagePackSerializer.Serialize(Sample, WireFormat.Options), WireFormat.Options));

    [Fact]
    public void A_status_from_an_older_sender_is_refused_by_name()
    {
        var error = Assert.Throws<MessagePackSerializationException>(() => MessagePackSerializer.Deserialize<JobStatus>(new byte[] { 0x91, 0xA1, 0x61 }, WireFormat.Options));
        Assert.Contains("1 fields; it must have at least 7", error.ToString(), StringComparison.Ordinal);
    }
}
