using DistTrain.Protocol;

namespace DistTrain.Tests.Machines;

public sealed class CrewTests
{
    private static readonly JobPlan Plan = Small.Plan with { Samples = 160, Epochs = 4, CheckpointEvery = 0, EvaluationSamples = 0, Stages = [new StagePlan(0, 1), new StagePlan(1, 1)] };

    private static Message From(int worker, MessageKind kind, long lease, Verdict verdict = Verdict.None) => new() { Kind = kind, From = Address.Worker(worker), Lease = lease, Verdict = verdict };

    private static List<Message> Leases(IEnumerable<Effect> effects) => [.. effects.Where(static e => e.Message.Kind == MessageKind.Lease).Select(static e => e.Message)];

    /// <summary>Until the job has leased all that there is to these workers, of whom nobody computes.</summary>
    private static JobMachine Begun(int workers)
    {
        var trio = new Trio(Plan, workers);
        trio.RunTo(long.MaxValue);
        return trio.Job;
    }

    [Fact]
    public void Who_waits_for_whom_in_a_crew_is_said_in_one_sentence()
    {
        var job = Begun(2);
        var lease = Assert.Single(job.Waits, static w => w.Kind == WaitKind.Leases);
        Assert.Equal(new TreeNode(0, 4), lease.Node);
        Assert.Equal("step 0 waits for micro-batches 0-3 leased by the crew worker-0, worker-1 (0.0 s, usual 0.0 s): worker-0 has not said what it does; lease ends in 60.0 s", job.Why());
        var number = NumberOf(job);
        job.Tell(From(0, MessageKind.WorkerAlive, number) with { Step = (long)WaitKind.ActivationGradient, Node = TreeNode.Leaf(2) });
        Assert.EndsWith(": worker-0 waits for the activation gradients of micro-batches 2 from worker-1; lease ends in 60.0 s", job.Why(), StringComparison.Ordinal);
        // The one that waits for nobody holds up the others.
        job.Tell(From(1, MessageKind.WorkerAlive, number) with { Step = (long)WaitKind.Computation, Node = TreeNode.Leaf(2) });
        Assert.EndsWith(": worker-1 computes micro-batches 2; lease ends in 60.0 s", job.Why(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_lost_member_ends_the_lease_of_all_and_who_is_left_is_of_the_next_crew()
    {
        var job = Begun(5);
        // Two crews of two; the fifth stands by.
        Assert.Equal(2, job.Waits.Count(static w => w.Kind == WaitKind.Leases));
        var first = NumberOf(job);
        var effects = job.Tell(new Message { Kind = MessageKind.Lost, From = Address.Worker(0) });
        var back = Assert.Single(effects, static e => e.Message.Kind == MessageKind.TakenBack).Message;
        Assert.Equal((Address.Worker(1), first), (back.To, back.Lease));
        Assert.Empty(Leases(effects));
        var leases = Leases(job.Tell(From(1, MessageKind.Request, first, Verdict.GivenUp)));
        Assert.Equal(2, leases.Count);
        // Worker 1 goes on with its stage and the spare one takes the other; the last stage is told first.
        Assert.Equal([Address.Worker(1), Address.Worker(4)], leases.Select(static m => m.To));
        Assert.Equal("worker 4: stage 0 -> worker 1: stage 1", leases[0].Payload!.ToString());
    }

    [Fact]
    public void A_worker_that_is_alone_runs_the_whole_model()
    {
        // The hosts of this test run no stages.
        var job = Begun(1);
        Assert.Equal((JobState.Succeeded, Plan.TotalSteps), (job.State, job.Version));
    }

    [Fact]
    public void Two_workers_share_three_stages()
    {
        var trio = new Trio(Plan with { Shards = [new ShardPlan(0, 1), new ShardPlan(1, 1), new ShardPlan(2, 1)], Stages = [new StagePlan(0, 1), new StagePlan(1, 1), new StagePlan(2, 1)] }, 2);
        trio.RunTo(long.MaxValue);
        var again = Leases(trio.Job.Tell(From(0, MessageKind.Request, 0)));
        Assert.Equal("worker 0: stage 0 -> worker 1: stages 1-2", Assert.Single(again).Payload!.ToString());
    }

    [Fact]
    public void Who_has_missed_the_end_of_its_lease_is_told_again()
    {
        var job = Begun(2);
        var number = NumberOf(job);
        job.Tell(From(0, MessageKind.Request, number, Verdict.GivenUp));
        Assert.Equal((Address.Worker(1), number), job.Tell(From(1, MessageKind.WorkerAlive, number)).Sent(MessageKind.TakenBack) is { } told ? (told.To, told.Lease) : default);
    }

    [Theory]
    [InlineData(64, 2, 4)]
    [InlineData(64, 3, 2)]
    [InlineData(8, 2, 1)]
    [InlineData(200, 1, 16)]
    public void A_lease_is_cut_into_units_that_keep_every_member_busy(int leased, int members, int unit) =>
        Assert.Equal(unit, new Crew([.. Enumerable.Range(0, members).Select(static m => new CrewMember(m, m, 1))]).UnitOf(leased));

    // Incarnation 1, first lease.
    private static long NumberOf(JobMachine job) => (job.Incarnation << 32) + 1;
}
