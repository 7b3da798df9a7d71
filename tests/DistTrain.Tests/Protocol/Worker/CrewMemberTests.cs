using DistTrain.Protocol;

namespace DistTrain.Tests.Machines;

/// <summary>A worker that runs the last of two stages; worker 8 runs the first.</summary>
public sealed class CrewMemberTests
{
    private static readonly JobPlan Plan = Small.Plan with { Stages = [new StagePlan(0, 1), new StagePlan(1, 1)] };
    private static readonly Crew Two = new([new CrewMember(8, 0, 1), new CrewMember(9, 1, 1)]);

    private static WorkerMachine Leased(int number = 9, long lease = 7)
    {
        var worker = new WorkerMachine(Plan, number, new WorkerHello("gpu", Plan.Identity));
        worker.Tell(new Message { Kind = MessageKind.Tick });
        worker.Tell(Small.FromJob(MessageKind.Welcome, 5) with { Placement = Small.Alone });
        worker.Tell(Lease(lease));
        return worker;
    }

    private static Message Lease(long number, int count = 4) => Small.FromJob(MessageKind.Lease, 5) with
    {
        Lease = number, Node = new TreeNode(0, count), Placement = Small.Alone, Step = 1, Open = new OpenStep { Kind = StepKind.Train, Step = 1, Last = Small.Decided(0) }, Payload = Two,
    };

    private static Message Weights(int seat) => new() { Kind = MessageKind.Weights, From = Address.Seat(seat), Incarnation = 5, Step = 1, Payload = new object() };

    private static Message Activation(int leaf, object payload, long lease = 7) =>
        new() { Kind = MessageKind.Activation, From = Address.Worker(8), Incarnation = 5, Step = 1, Lease = lease, Node = TreeNode.Leaf(leaf), Payload = payload };

    private static Message Host(MessageKind kind, int leaf, object? payload = null) => new() { Kind = kind, From = Address.Host, Lease = 7, Node = TreeNode.Leaf(leaf), Payload = payload };

    private static Message Taken(int leaf, bool gradient = true) => new() { Kind = MessageKind.Taken, From = Address.Worker(8), Lease = 7, Node = TreeNode.Leaf(leaf), Flag = gradient };

    private static Message Answer(Verdict verdict) => new() { Kind = MessageKind.Answer, From = Address.Seat(2), Incarnation = 5, Step = 1, Node = new TreeNode(0, 4), Lease = 7, Verdict = verdict };

    [Fact]
    public void A_member_pulls_and_pushes_at_the_shards_of_its_own_stage_and_folds_its_units_in_the_tree()
    {
        var worker = Leased();
        Assert.Equal(WaitKind.Weights, Assert.Single(worker.Waits).Kind);
        Assert.Equal(Address.Seat(2), worker.Waits[0].From);
        var effects = worker.Tell(Weights(2));
        Assert.Equal(0, effects.Count(EffectKind.Compute));
        Assert.Equal((WaitKind.Activation, Address.Worker(8), TreeNode.Leaf(0)), (worker.Waits[0].Kind, worker.Waits[0].From, worker.Waits[0].Node));
        object[] gradients = ["g0", "g1", "g2", "g3"];
        for (var leaf = 0; leaf < 4; leaf++)
        {
            effects = worker.Tell(Activation(leaf, $"a{leaf}"));
            Assert.Equal(Address.Worker(8), effects.Sent(MessageKind.Taken)!.Value.To);
            Assert.Equal($"a{leaf}", Assert.Single(effects, static e => e.Kind == EffectKind.Forward).Payload);
            Assert.Equal(1, worker.Tell(Host(MessageKind.Forwarded, leaf)).Count(EffectKind.Backward));
            var passed = worker.Tell(Host(MessageKind.Backwarded, leaf, $"b{leaf}")).Sent(MessageKind.ActivationGradient)!.Value;
            Assert.Equal((Address.Worker(8), $"b{leaf}", 7L), (passed.To, passed.Payload, passed.Lease));
            effects = worker.Tell(Host(MessageKind.Computed, leaf, gradients[leaf]));
        }
        Assert.Equal([("g0", "g1"), ("g2", "g3"), ("g0", "g2")], effects.Where(static e => e.Kind == EffectKind.Fold).Select(static e => ((string)e.Payload!, (string)e.Other!)));
        var push = Assert.Single(effects, static e => e.Message.Kind == MessageKind.Push).Message;
        Assert.Equal((Address.Seat(2), new TreeNode(0, 4), "g0"), (push.To, push.Node, push.Payload));
        // It has pushed everything, but the member before it has not everything from it: that one must not wait for ever.
        Assert.Null(worker.Tell(Answer(Verdict.Accepted)).Sent(MessageKind.Request));
        for (var leaf = 0; leaf < 3; leaf++) Assert.Null(worker.Tell(Taken(leaf)).Sent(MessageKind.Request));
        Assert.Equal((WaitKind.Answers, Address.Worker(8)), (worker.Waits[0].Kind, worker.Waits[0].From));
        var request = worker.Tell(Taken(3)).Sent(MessageKind.Request)!.Value;
        Assert.Equal((7L, Verdict.Accepted), (request.Lease, request.Verdict));
    }

    [Fact]
    public void Activations_that_come_before_their_lease_are_kept_and_those_of_an_earlier_attempt_are_not()
    {
        var worker = Leased(lease: 6);
        worker.Tell(Small.FromJob(MessageKind.TakenBack, 5) with { Lease = 6 });
        // Of an attempt to come: kept, and not answered before it is really taken.
        Assert.Null(worker.Tell(Activation(0, "early")).Sent(MessageKind.Taken));
        // Of the one that is over: dropped, and answered, so that its sender does not wait.
        var late = worker.Tell(Activation(1, "late", lease: 6));
        Assert.Equal((1, 6L), (late.Count(EffectKind.Release), late.Sent(MessageKind.Taken)!.Value.Lease));
        Assert.NotNull(worker.Tell(Lease(7)).Sent(MessageKind.Taken));
        Assert.Equal("early", Assert.Single(worker.Tell(Weights(2)), static e => e.Kind == EffectKind.Forward).Payload);
        Assert.Equal((1, 0), (worker.Tell(Activation(1, "late", lease: 6)).Count(EffectKind.Release), worker.Tell(Activation(0, "again")).Count(EffectKind.Forward)));
    }

    [Fact]
    public void A_lease_that_is_taken_back_ends_at_once_and_everything_is_let_go()
    {
        var worker = Leased();
        worker.Tell(Weights(2));
        worker.Tell(Activation(0, "a0"));
        worker.Tell(Activation(1, "a1"));
        Assert.Equal(WaitKind.Computation, worker.Waits[^1].Kind);
        var effects = worker.Tell(Small.FromJob(MessageKind.TakenBack, 5) with { Lease = 7 });
        Assert.Equal((1, 1, Verdict.GivenUp), (effects.Count(EffectKind.Cancel), effects.Count(EffectKind.Release), effects.Sent(MessageKind.Request)!.Value.Verdict));
        // What was still being computed comes to nothing.
        Assert.Equal(1, worker.Tell(Host(MessageKind.Computed, 0, "g0")).Count(EffectKind.Release));
    }

    [Fact]
    public void What_is_not_taken_is_sent_again_and_a_new_incarnation_ends_the_lease()
    {
        var worker = Leased(number: 8);
        worker.Tell(Weights(1));
        Assert.Equal(Address.Worker(9), worker.Tell(Host(MessageKind.Forwarded, 0, "a0")).Sent(MessageKind.Activation)!.Value.To);
        Assert.Equal("a0", worker.Tell(new Message { Kind = MessageKind.Tick }, seconds: 2).Sent(MessageKind.Activation)!.Value.Payload);
        Assert.Equal(1, worker.Tell(new Message { Kind = MessageKind.Taken, From = Address.Worker(9), Lease = 7, Node = TreeNode.Leaf(0) }, seconds: 2).Count(EffectKind.Release));
        Assert.Contains(worker.Waits, static w => w.Kind == WaitKind.ActivationGradient && w.From == Address.Worker(9));
        Assert.Equal(Verdict.GivenUp, worker.Tell(Small.FromJob(MessageKind.Welcome, 6) with { Placement = Small.Alone }, seconds: 2).Sent(MessageKind.Request)!.Value.Verdict);
    }
}
