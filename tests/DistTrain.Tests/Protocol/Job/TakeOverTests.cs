using DistTrain.Protocol;

namespace DistTrain.Tests.Machines;

/// <summary>A scheduler takes a job over while others write to its register.</summary>
public sealed class TakeOverTests
{
    private const ulong Old = 7;
    private const ulong New = 8;

    private static readonly RegisterRecord _found = new() { Revision = 3, Incarnation = 2, Holder = Old, Placement = Small.Alone };

    [Fact]
    public void The_last_write_of_the_scheduler_that_is_replaced_is_taken_over_too()
    {
        var job = Claiming();
        // It had just published a checkpoint when its process died.
        var last = _found with { Revision = 4, Checkpoint = new CheckpointName(3, 2) };
        var again = Assert.Single(job.Tell(new Message { Kind = MessageKind.RegisterWritten, From = Address.Host, Payload = last }), e => e.Kind == EffectKind.WriteRegister);
        var claim = (RegisterRecord)again.Payload!;
        Assert.Equal((4, 5, 3, New, last.Checkpoint), (again.Message.Step, claim.Revision, claim.Incarnation, claim.Holder, claim.Checkpoint));
        Assert.False(job.HasEnded);
        Assert.NotNull(job.Tell(new Message { Kind = MessageKind.RegisterWritten, From = Address.Host, Flag = true, Payload = claim }).Sent(MessageKind.Adopt));
    }

    [Fact]
    public void A_rival_that_claimed_the_job_first_keeps_it()
    {
        var job = Claiming();
        var rival = _found with { Revision = 4, Incarnation = 3, Holder = 9 };
        Assert.Equal(0, job.Tell(new Message { Kind = MessageKind.RegisterWritten, From = Address.Host, Payload = rival }).Count(EffectKind.WriteRegister));
        Assert.Equal((true, JobState.Superseded), (job.HasEnded, job.State));
    }

    [Fact]
    public void A_job_that_had_ended_waits_for_new_seats_and_not_for_its_old_ones()
    {
        var job = new JobMachine(Small.Plan, new Small.Rule());
        job.Tell(new Message { Kind = MessageKind.Start, From = Address.Host, Payload = new JobStart(New, true) });
        Assert.Equal(0, job.Tell(new Message { Kind = MessageKind.RegisterRead, From = Address.Host, Payload = _found with { State = JobState.Stopped } }).Count(EffectKind.WriteRegister));
        job.Tell(new Message { Kind = MessageKind.SeatAlive, From = Address.Seat(11) });
        var write = Assert.Single(job.Tell(new Message { Kind = MessageKind.SeatAlive, From = Address.Seat(12) }), e => e.Kind == EffectKind.WriteRegister);
        Assert.Equal([11, 12], ((RegisterRecord)write.Payload!).Placement.Shards.Select(s => s.Primary).Order());
    }

    private static JobMachine Claiming()
    {
        var job = new JobMachine(Small.Plan, new Small.Rule());
        job.Tell(new Message { Kind = MessageKind.Start, From = Address.Host, Payload = new JobStart(New, true) });
        var write = Assert.Single(job.Tell(new Message { Kind = MessageKind.RegisterRead, From = Address.Host, Payload = _found }), e => e.Kind == EffectKind.WriteRegister);
        Assert.Equal((3, New), (write.Message.Step, ((RegisterRecord)write.Payload!).Holder));
        return job;
    }
}
