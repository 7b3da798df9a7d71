using DistTrain.Protocol;

namespace DistTrain.Tests.Machines;

public sealed class WorkerMachineTests
{
    private static WorkerMachine Welcomed()
    {
        var worker = new WorkerMachine(Small.Plan, 9, new WorkerHello("gpu-3", Small.Plan.Identity));
        Assert.NotNull(worker.Tell(new Message { Kind = MessageKind.Tick }).Sent(MessageKind.Join));
        Assert.NotNull(worker.Tell(Small.FromJob(MessageKind.Welcome, 5) with { Placement = Small.Alone }).Sent(MessageKind.Request));
        return worker;
    }

    private static Message Lease(long number, TreeNode range, long incarnation = 5) => Small.FromJob(MessageKind.Lease, incarnation) with
    {
        Lease = number, Node = range, Placement = Small.Alone, Step = 1, Open = new OpenStep { Kind = StepKind.Train, Step = 1, Last = Small.Decided(0) },
    };

    private static Message Weights(int seat) => new() { Kind = MessageKind.Weights, From = Address.Seat(seat), Incarnation = 5, Step = 1, Payload = new object() };

    private static Message Answer(int seat, TreeNode node, Verdict verdict, long lease = 1) =>
        new() { Kind = MessageKind.Answer, From = Address.Seat(seat), Incarnation = 5, Step = 1, Node = node, Lease = lease, Verdict = verdict };

    private static WorkerMachine Computing()
    {
        var worker = Welcomed();
        var pulls = worker.Tell(Lease(1, new TreeNode(1, 3)));
        Assert.Equal([Address.Seat(1), Address.Seat(2)], pulls.Where(static e => e.Message.Kind == MessageKind.Pull).Select(static e => e.Message.To));
        Assert.All(pulls.Where(static e => e.Message.Kind == MessageKind.Pull), static e => Assert.Equal(0, e.Message.Open.Last.Step));
        Assert.Equal(0, worker.Tell(Weights(1)).Count(EffectKind.Compute));
        Assert.Equal(1, worker.Tell(Weights(2)).Count(EffectKind.Compute));
        return worker;
    }

    private static Message Computed(TreeNode node, long lease = 1) => new() { Kind = MessageKind.Computed, From = Address.Host, Lease = lease, Node = node, Payload = new object() };

    [Fact]
    public void Each_node_of_the_cover_goes_to_every_shard_and_the_lease_ends_when_all_have_answered()
    {
        var worker = Computing();
        var (leaf, pair) = (TreeNode.Leaf(1), new TreeNode(2, 2));
        Assert.Equal(2, worker.Tell(Computed(leaf)).Count(static e => e.Message.Kind == MessageKind.Push));
        Assert.Equal(2, worker.Tell(Computed(pair)).Count(static e => e.Message.Kind == MessageKind.Push));
        worker.Tell(Answer(1, leaf, Verdict.Accepted));
        Assert.Equal(1, worker.Tell(Answer(2, leaf, Verdict.Repeated)).Count(EffectKind.Release));
        worker.Tell(Answer(1, pair, Verdict.Covered));
        Assert.Null(worker.Tell(Answer(1, pair, Verdict.Covered)).Sent(MessageKind.Request));
        var request = worker.Tell(Answer(2, pair, Verdict.Accepted)).Sent(MessageKind.Request)!.Value;
        Assert.Equal((1L, Verdict.Accepted), (request.Lease, request.Verdict));
    }

    [Fact]
    public void Only_what_is_unanswered_is_pushed_again()
    {
        var worker = Computing();
        worker.Tell(Computed(TreeNode.Leaf(1)));
        worker.Tell(Answer(1, TreeNode.Leaf(1), Verdict.Accepted));
        var again = worker.Tell(new Message { Kind = MessageKind.Tick }, seconds: 2).Where(static e => e.Message.Kind == MessageKind.Push).ToList();
        Assert.Equal(Address.Seat(2), Assert.Single(again).Message.To);
    }

    [Theory]
    [InlineData(Verdict.StaleIncarnation, Verdict.GivenUp)]
    [InlineData(Verdict.Refused, Verdict.GivenUp)]
    [InlineData(Verdict.AlreadyCommitted, Verdict.Accepted)]
    public void A_refusal_ends_the_lease_at_once_and_drops_what_was_computed(Verdict answer, Verdict end)
    {
        var worker = Computing();
        worker.Tell(Computed(TreeNode.Leaf(1)));
        var effects = worker.Tell(Answer(1, TreeNode.Leaf(1), answer));
        Assert.Equal((end, 1, 1), (effects.Sent(MessageKind.Request)!.Value.Verdict, effects.Count(EffectKind.Release), effects.Count(EffectKind.Cancel)));
        Assert.Equal(1, worker.Tell(Computed(new TreeNode(2, 2))).Count(EffectKind.Release));
    }

    [Fact]
    public void Weights_that_it_holds_are_not_pulled_again_within_an_incarnation()
    {
        var worker = Computing();
        worker.Tell(Computed(TreeNode.Leaf(1)));
        Assert.Equal(1, worker.Tell(Lease(2, TreeNode.Leaf(0))).Count(EffectKind.Compute));
        var next = worker.Tell(Lease(3, TreeNode.Leaf(0), incarnation: 6));
        Assert.Equal((0, 2), (next.Count(EffectKind.Compute), next.Count(static e => e.Message.Kind == MessageKind.Pull)));
    }

    [Fact]
    public void A_lease_that_is_over_or_of_an_old_incarnation_is_ignored()
    {
        var worker = Computing();
        worker.Tell(Answer(1, TreeNode.Leaf(1), Verdict.StaleIncarnation));
        Assert.Null(worker.Tell(Lease(1, TreeNode.Leaf(0))).Sent(MessageKind.Pull));
        Assert.Null(worker.Tell(Lease(2, TreeNode.Leaf(0), incarnation: 4)).Sent(MessageKind.Pull));
        Assert.Equal(1, worker.Tell(Lease(3, TreeNode.Leaf(0))).Count(EffectKind.Compute));
    }

    [Fact]
    public void A_lease_that_cannot_be_finished_in_time_is_given_up()
    {
        var worker = Computing();
        Assert.Equal(Verdict.GivenUp, worker.Tell(new Message { Kind = MessageKind.Tick }, seconds: 62).Sent(MessageKind.Request)!.Value.Verdict);
    }

    [Fact]
    public void Retiring_finishes_the_lease_first()
    {
        var worker = Computing();
        Assert.Null(worker.Tell(new Message { Kind = MessageKind.Retire, From = Address.Host }).Sent(MessageKind.Leave));
        worker.Tell(Computed(TreeNode.Leaf(1)));
        Assert.NotNull(worker.Tell(Answer(1, TreeNode.Leaf(1), Verdict.AlreadyCommitted)).Sent(MessageKind.Leave));
        Assert.True(worker.HasEnded);
    }

    [Fact]
    public void What_throws_is_reported_with_its_lease()
    {
        var failed = Computing().Tell(new Message { Kind = MessageKind.ComputeFailed, From = Address.Host, Lease = 1, Text = "boom" });
        Assert.Equal(("boom", 1L), (failed.Sent(MessageKind.Failed)!.Value.Text, failed.Sent(MessageKind.Request)!.Value.Lease));
    }

    [Fact]
    public void A_computation_that_only_gave_up_is_no_failure()
    {
        var left = Computing().Tell(new Message { Kind = MessageKind.ComputeFailed, From = Address.Host, Lease = 1 });
        Assert.Null(left.Sent(MessageKind.Failed));
        Assert.Equal((1L, Verdict.GivenUp), (left.Sent(MessageKind.Request)!.Value.Lease, left.Sent(MessageKind.Request)!.Value.Verdict));
    }
}
